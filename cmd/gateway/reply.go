package main

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
)

// replied acts on a message to the box's telephone number. "1" from a
// registered caregiver acknowledges the incident that they were paged for last.
// Everything else is left alone: strangers are not answered.
func (g *gateway) replied(ctx context.Context, number, text string, sent time.Time) (answer string, err error) {
	var people []string // who may share a telephone
	for _, person := range registry.Sorted(g.registry.Snapshot().Caregivers) {
		if slices.ContainsFunc(person.Channels, func(c registry.Channel) bool {
			return c.Kind == notify.SMSChannel && notify.Normal(c.Address) == number
		}) {
			people = append(people, person.ID)
		}
	}
	if len(people) == 0 || !takes(text) {
		g.logger.Info("short message", "known", len(people) > 0, "understood", false)
		return "", nil
	}
	lang := texts.Parse(g.cfg.Channels.Language)
	message, incidents := number+" "+sent.String(), g.alerts.Incidents()
	one, again := g.untaken[message]
	if !again {
		one = lastPaged(incidents, people, sent)
	}
	delete(g.untaken, message)
	if !slices.ContainsFunc(incidents, func(i alert.Incident) bool { return i.ID == one.incident.ID && i.Phase != alert.PhaseResolved }) {
		return texts.Notify.NothingOpen.In(lang), nil
	}
	if err := g.alerts.Acknowledge(ctx, one.incident.ID, one.by, "sms"); err != nil {
		g.untaken[message] = one
		return "", err // the message stays on the card, and comes again
	}
	return texts.Notify.Taken.In(lang, one.incident.Where(lang)), nil
}

// taking is an incident that somebody takes by a reply.
type taking struct {
	incident alert.Incident
	by       string
	paged    devices.Stamp
}

// takes tells whether a reply says "I have it": a one, in whichever form a
// telephone writes it.
func takes(text string) bool {
	digits := strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) })
	return digits == "1" || digits == "１"
}

// skew is how far the network's clock and the box's may be apart.
const skew = time.Minute

// lastPaged is the unanswered incident whose latest short message to one of
// the people is the youngest, and to whom it was; zero if there is none. Nobody
// answers a call that began after they wrote: the reply has lain on the card, or
// in the network, since another.
func lastPaged(incidents []alert.Incident, people []string, wrote time.Time) (last taking) {
	for _, i := range incidents {
		if i.Phase != alert.PhaseRaised || i.RoundAt.Synced && wrote.Before(i.RoundAt.Wall.Add(-skew)) {
			continue
		}
		for _, d := range i.Deliveries {
			if d.Channel != notify.SMSChannel || d.Attempts == 0 || !slices.Contains(people, d.Recipient) {
				continue
			}
			// Across a reboot nothing can be compared, and the newest is taken.
			if since, same := d.At.Since(last.paged); last.by == "" || same && since > 0 || !same && i.Number > last.incident.Number {
				last = taking{i, d.Recipient, d.At}
			}
		}
	}
	return last
}
