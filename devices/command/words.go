package command

import "github.com/linli-edge/gateway/devices/texts"

// What says what is asked for, in a language: "open a compartment (compartment
// 12)".
func What(a Action, d Data, lang texts.Lang) string {
	if a == Open {
		return texts.Order.WithCompartment.In(lang, a.Text(), d.Compartment)
	}
	return a.Text().In(lang)
}

// Words says in a language how far the command has come.
func (c Command) Words(lang texts.Lang) string {
	t := texts.Order
	switch c.Phase {
	case PhaseAsked:
		return t.Asked.In(lang)
	case PhaseSent:
		return t.Sent.In(lang)
	case PhaseDone:
		return t.Done.In(lang, HowText(c.Confirmed))
	default:
		return t.Failed.In(lang, ReasonText(c.Reason))
	}
}

// HowText says how a command is known to be done.
func HowText(confirmed string) texts.Text {
	switch confirmed {
	case ByDoor:
		return texts.Order.ByDoor
	case ByNobody:
		return texts.Order.ByNobody
	default:
		return texts.Order.ByDevice
	}
}

// ReasonText says why a command has failed.
func ReasonText(reason string) texts.Text {
	switch reason {
	case Expired:
		return texts.Order.Expired
	case NoAnswer:
		return texts.Order.NoAnswer
	case Stopped:
		return texts.Order.Stopped
	default: // a code of the device's
		return texts.Text{ZH: texts.Order.OtherFault.In(texts.Chinese, reason), EN: texts.Order.OtherFault.In(texts.English, reason)}
	}
}
