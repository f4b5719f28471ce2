package alert

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Incidents lists the open incidents, and the latest resolved ones, the newest
// first.
func (e *Engine) Incidents() []Incident {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []Incident
	for _, r := range slices.Backward(e.board.sorted()) {
		list = append(list, r.Incident.clone())
	}
	return list
}

// Changed is closed when Incidents has something new to say. Ask for it before
// asking for Incidents.
func (e *Engine) Changed() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changed
}

// Reach tells whether people can be called at all, as the registry is now.
func (e *Engine) Reach() Reach { return e.people().reach() }

// Acknowledge stops the calls for an incident: the human named by has it. How
// says by which way ("page", "http"). It returns when that is on disk and has
// been acted on.
//
// If the disk is late or fails, the calls stop all the same, and the error
// says that they may begin again after a restart. Acknowledging once more does
// nothing; an unknown or resolved incident is an error. Errors are texts for
// whoever pressed.
func (e *Engine) Acknowledge(ctx context.Context, incident, by, how string) error {
	return e.act(ctx, incident, Acknowledged{Incident: incident, By: by, How: how})
}

// Resolve closes an incident with the cause that was found. It stops the calls
// if nobody has acknowledged, and keeps and fails as Acknowledge does.
func (e *Engine) Resolve(ctx context.Context, incident, by string, cause Cause) error {
	return e.act(ctx, incident, Resolved{Incident: incident, By: by, Cause: cause})
}

// Arrive says that the human named by is where help is needed. It
// acknowledges, too, and keeps and fails as Acknowledge does.
func (e *Engine) Arrive(ctx context.Context, incident, by, how string) error {
	return e.act(ctx, incident, OnScene{Incident: incident, By: by, How: how})
}

// Note keeps what a human has to say of an incident; of one that is resolved,
// too.
func (e *Engine) Note(ctx context.Context, incident, by, text string) error {
	return e.act(ctx, incident, Noted{Incident: incident, By: by, Text: text})
}

// HandOver says that somebody else has the incident now. Whoever takes it over
// has to arrive anew.
func (e *Engine) HandOver(ctx context.Context, incident, by, to string) error {
	return e.act(ctx, incident, HandedOver{Incident: incident, By: by, To: to})
}

// Silence mutes something for a while, see [Silenced]. It returns when that is
// on disk and counts.
func (e *Engine) Silence(ctx context.Context, s Silenced) error {
	if err := s.Validate(); err != nil {
		return err
	}
	id := rand.Text()
	if err := e.record(ctx, s, id); err != nil {
		return err
	}
	return e.until(ctx, func() bool { return e.board.silencedBy[s.key()] == id })
}

// Report hands over what a rule has found. It returns when that is on disk. A
// second finding of the same identity changes nothing.
func (e *Engine) Report(ctx context.Context, f Found, identity string) error {
	if err := f.Validate(); err != nil {
		return err
	}
	return e.record(ctx, f, identity)
}

// record journals an event of the box as urgent.
func (e *Engine) record(ctx context.Context, p devices.Payload, identity string) error {
	event, err := devices.New(devices.GatewayDevice, p)
	if err != nil {
		return err
	}
	event.ID, event.Received, event.Urgency = identity, e.options.Clock(), devices.Urgent
	return e.Guard(e.recorder).Record(ctx, event)
}

func (e *Engine) act(ctx context.Context, incident string, p devices.Payload) error {
	if err := p.Validate(); err != nil {
		return err
	}
	e.mu.Lock()
	r := e.board.records[incident]
	unknown := r == nil
	_, noted := p.(Noted)
	closed := !unknown && !noted && r.Phase == PhaseResolved
	e.mu.Unlock()
	switch {
	case unknown:
		return texts.Errorf(texts.Alert.UnknownIncident, incident)
	case closed:
		return texts.Errorf(texts.Alert.Closed, incident)
	}
	event, err := devices.New(devices.GatewayDevice, p)
	if err != nil {
		return err
	}
	event.ID = rand.Text()
	event.Received = e.options.Clock()
	event.Urgency = devices.Urgent
	if err := e.Guard(e.recorder).Record(ctx, event); err != nil {
		return texts.Errorf(texts.Alert.NotKept, err)
	}
	return e.applied(ctx, incident, identity(event))
}

// applied waits until an act has been applied, by the fold or, after a second,
// from memory.
func (e *Engine) applied(ctx context.Context, incident, act string) error {
	return e.until(ctx, func() bool { return e.board.heard[act] != nil || e.board.records[incident] == nil })
}

// until waits for something that is announced when it happens.
func (e *Engine) until(ctx context.Context, happened func() bool) error {
	for {
		e.mu.Lock()
		changed := e.changed
		done := happened()
		e.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
