package console

import (
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/texts"
)

// isCommand tells whether an event is about what was asked of a device.
func isCommand(e devices.Event) bool { return strings.HasPrefix(string(e.Type), "command.") }

// command says what was asked of a device, and what it answered.
func (s *sentence) command(e devices.Event) {
	t := texts.Order
	switch e.Type {
	case command.TypeAsked:
		read(e, func(p command.Asked) {
			s.called(p.Device)
			s.say(t.EventAsked, s.name(p.By), command.What(p.Action, p.Data, s.lang))
		})
	case command.TypeSent:
		read(e, func(p command.Sent) { s.called(p.Device); s.say(t.EventSent) })
	case command.TypeEnded:
		read(e, func(p command.Ended) {
			s.called(p.Device)
			what := command.What(p.Action, p.Data, s.lang)
			if p.Reason != "" {
				s.say(t.EventFailed, what, command.ReasonText(p.Reason))
				s.warn(true)
				return
			}
			s.say(t.EventDone, what, command.HowText(p.Confirmed))
			s.tone = "good"
		})
	case command.TypeDone:
		s.say(t.AnswerDone)
	case command.TypeFailed:
		read(e, func(p command.Failed) { s.say(t.AnswerFailed, p.Reason) })
		s.warn(true)
	}
}

// called names the device that an event of the box is about.
func (s *sentence) called(device string) {
	d, known := s.people.Device(device)
	s.parts = append(s.parts, who(devices.Event{Device: device}, d, known, s.people, s.lang))
}
