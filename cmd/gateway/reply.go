package main

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
)

// replied acts on a message to the box's telephone number. "1" from a
// registered caregiver acknowledges the incident that they were paged for last.
// Everything else is left alone: strangers are not answered.
func (g *gateway) replied(ctx context.Context, number, text string) (answer string, err error) {
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
	incident, by := lastPaged(g.alerts.Incidents(), people)
	if by == "" {
		return texts.Notify.NothingOpen.In(lang), nil
	}
	if err := g.alerts.Acknowledge(ctx, incident.ID, by, "sms"); err != nil {
		return "", err // the message stays on the card, and comes again
	}
	return texts.Notify.Taken.In(lang, incident.Where(lang)), nil
}

// takes tells whether a reply says "I have it": a one, in whichever form a
// telephone writes it.
func takes(text string) bool {
	digits := strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) })
	return digits == "1" || digits == "１"
}

// lastPaged is the unanswered incident whose latest short message to one of
// the people is the youngest, and to whom it was; by is empty if there is none.
func lastPaged(incidents []alert.Incident, people []string) (last alert.Incident, by string) {
	for _, i := range incidents {
		if i.Phase != alert.PhaseRaised {
			continue
		}
		for _, d := range i.Deliveries {
			if d.Channel != notify.SMSChannel || d.Attempts == 0 || !slices.Contains(people, d.Recipient) {
				continue
			}
			// Across a reboot nothing can be compared, and the newest is taken.
			if since, same := i.StepAt.Since(last.StepAt); by == "" || same && since > 0 || !same && i.Number > last.Number {
				last, by = i, d.Recipient
			}
		}
	}
	return last, by
}
