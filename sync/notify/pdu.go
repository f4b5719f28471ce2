package notify

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
	"github.com/warthog618/sms/encoding/ucs2"
)

// reportWanted is the bit that asks for a delivery report.
const reportWanted = tpdu.FirstOctet(0x20)

// segment is one part of a message as a modem takes it: AT+CMGS=Length, then
// the hexadecimal PDU.
type segment struct {
	length int
	pdu    string
}

// encodeSMS makes a message to a number, in as many parts as it needs: seven
// bits a character where that is possible, UCS-2 for Chinese.
func encodeSMS(e *sms.Encoder, number, text string) ([]segment, error) {
	address := tpdu.NewAddress(tpdu.FromNumber(strings.TrimSpace(number)))
	if !strings.HasPrefix(strings.TrimSpace(number), "+") {
		// As it would be dialled here: 13800000000, 10086.
		address.SetTypeOfNumber(tpdu.TonUnknown)
	}
	pdus, err := e.Encode([]byte(text), sms.WithTemplateOption(tpdu.WithDA(address)))
	if err != nil {
		return nil, err
	}
	var segments []segment
	for _, p := range pdus {
		p.FirstOctet |= reportWanted
		b, err := p.MarshalBinary()
		if err != nil {
			return nil, err
		}
		// The service centre is the one on the card.
		segments = append(segments, segment{len(b), "00" + strings.ToUpper(hex.EncodeToString(b))})
	}
	return segments, nil
}

// incoming is a message or a delivery report from the network.
type incoming struct {
	from, text string
	sent       time.Time // when the network took it, by its own clock
	// report is set for a delivery report: "delivered", "pending" or "failed".
	report string
}

// decodeSMS reads the hexadecimal PDU of a message that has come in. A part of
// a long message is a message of its own.
func decodeSMS(pdu string) (in incoming, err error) {
	defer func() {
		// What is on the air may be anything.
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged message: %v", p)
		}
	}()
	frame, err := pdumode.UnmarshalHexString(strings.TrimSpace(pdu))
	if err != nil {
		return in, fmt.Errorf("damaged message: %w", err)
	}
	if len(frame.TPDU) == 0 {
		return in, errors.New("damaged message: empty")
	}
	t, err := sms.Unmarshal(frame.TPDU)
	if err != nil {
		return in, fmt.Errorf("damaged message: %w", err)
	}
	switch t.SmsType() {
	case tpdu.SmsDeliver:
		text, err := sms.Decode([]*tpdu.TPDU{t})
		if err != nil {
			return in, fmt.Errorf("damaged message: %w", err)
		}
		return incoming{from: t.OA.Number(), text: strings.ToValidUTF8(string(text), ""), sent: t.SCTS.Time}, nil
	case tpdu.SmsStatusReport:
		return incoming{from: t.RA.Number(), report: reported(t.ST)}, nil
	}
	return in, errors.New("neither a message nor a report")
}

// reported says what the status of a delivery report means: 3GPP TS 23.040,
// 9.2.3.15.
func reported(status byte) string {
	switch {
	case status < 0x20:
		return "delivered"
	case status < 0x40:
		return "pending" // the centre tries again
	}
	return "failed"
}

// decodeUSSD reads the text of an answer to a USSD code: plain, or UCS-2 in
// hexadecimal digits, which is what Chinese needs.
func decodeUSSD(text string) string {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) == 0 || len(b)%2 != 0 {
		return text
	}
	r, err := ucs2.Decode(b)
	if err != nil {
		return text
	}
	return string(r)
}

// Normal is a telephone number as it is compared: digits only, without the
// country's code.
func Normal(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	for _, prefix := range []string{"0086", "86"} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok && len(rest) == 11 {
			return rest
		}
	}
	return digits
}
