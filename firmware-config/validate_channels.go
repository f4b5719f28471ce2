package firmwareconfig

import (
	"cmp"
	"net"
	"net/mail"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/notify"
)

// option is one option of a channel, with what its example says.
type option struct{ name, value, example string }

// checkChannels wants each channel whole or not at all: one that is half set
// up would be missed when somebody calls for help.
func (c Config) checkChannels() *problem {
	n := c.Channels
	return cmp.Or(
		oneOf("channels.language", n.Language, "zh", "en"),
		provider("channels.wecom_robot.url", n.WeComRobot.URL, notify.Defaults().WeComRobot.URL),
		provider("channels.wecom_app.url", n.WeComApp.URL, notify.Defaults().WeComApp.URL),
		whole("wecom_app", option{"corp", n.WeComApp.Corp, "ww1234567890abcdef"}, option{"agent", n.WeComApp.Agent, `"1000002"`},
			option{"secret_file", n.WeComApp.SecretFile, "/etc/linli/wecom-app.secret"}),
		provider("channels.dingtalk.url", n.DingTalk.URL, notify.Defaults().DingTalk.URL),
		with("dingtalk", option{"secret_file", n.DingTalk.SecretFile, ""}, option{"key_file", n.DingTalk.KeyFile, "/etc/linli/dingtalk.key"}),
		provider("channels.feishu.url", n.Feishu.URL, notify.Defaults().Feishu.URL),
		with("feishu", option{"secret_file", n.Feishu.SecretFile, ""}, option{"key_file", n.Feishu.KeyFile, "/etc/linli/feishu.key"}),
		provider("channels.bark.url", n.Bark.URL, "https://api.day.app"),
		provider("channels.ntfy.url", n.Ntfy.URL, "https://ntfy.example.org"),
		with("ntfy", option{"token_file", n.Ntfy.TokenFile, ""}, option{"url", n.Ntfy.URL, "https://ntfy.example.org"}),
		template("channels.webhook.template", n.Webhook.Template),
		c.checkEmail(),
		provider("channels.aliyun_sms.url", n.AliyunSMS.URL, notify.Defaults().AliyunSMS.URL),
		whole("aliyun_sms", option{"key", n.AliyunSMS.Key, "LTAI5tExample"}, option{"secret_file", n.AliyunSMS.SecretFile, "/etc/linli/aliyun.secret"},
			option{"sign", n.AliyunSMS.Sign, "邻里"}, option{"template", n.AliyunSMS.Template, "SMS_123456789"}),
		provider("channels.aliyun_voice.url", n.AliyunVoice.URL, notify.Defaults().AliyunVoice.URL),
		whole("aliyun_voice", option{"key", n.AliyunVoice.Key, "LTAI5tExample"}, option{"secret_file", n.AliyunVoice.SecretFile, "/etc/linli/aliyun.secret"},
			option{"template", n.AliyunVoice.Template, "TTS_123456789"}),
		c.checkSMS(),
		whole("siren", option{"topic", n.Siren.Topic, "zigbee2mqtt/siren/set"}, option{"on", n.Siren.On, `'{"state":"ON"}'`}, option{"off", n.Siren.Off, `'{"state":"OFF"}'`}),
		with("siren", option{"evacuate", n.Siren.Evacuate, ""}, option{"topic", n.Siren.Topic, "zigbee2mqtt/siren/set"}),
		with("speech", option{"sounds", n.Speech.Sounds, ""}, option{"device", n.Speech.Device, "default"}),
		with("aliyun_voice", option{"number", n.AliyunVoice.Number, ""}, option{"key", n.AliyunVoice.Key, "LTAI5tExample"}),
	)
}

func (c Config) checkEmail() *problem {
	e := c.Channels.Email
	if p := cmp.Or(
		whole("email", option{"server", e.Server, "smtp.example.com:465"}, option{"from", e.From, "linli@example.com"}),
		with("email", option{"user", e.User, ""}, option{"server", e.Server, "smtp.example.com:465"}),
		with("email", option{"user", e.User, ""}, option{"secret_file", e.SecretFile, "/etc/linli/email.secret"}),
		with("email", option{"secret_file", e.SecretFile, ""}, option{"user", e.User, "linli@example.com"}),
	); p != nil || e.Server == "" {
		return p
	}
	if host, port, err := net.SplitHostPort(e.Server); err != nil || host == "" || !validPort(port, 1) {
		return wrong("channels.email.server", texts.Errorf(texts.Config.BadServer, short(e.Server)), example("server", "smtp.example.com:465"))
	}
	if a, err := mail.ParseAddress(e.From); err != nil || a.Address != e.From {
		return wrong("channels.email.from", texts.Errorf(texts.Config.BadMailbox, short(e.From)), example("from", "linli@example.com"))
	}
	return nil
}

func (c Config) checkSMS() *problem {
	m := c.Channels.SMS
	port := option{"port", m.Port, "/dev/serial/by-id/…"}
	for _, o := range []option{{"pin_file", m.PINFile, ""}, {"credit_ussd", m.CreditUSSD, ""}, {"credit_to", m.CreditTo, ""}} {
		if p := with("sms", o, port); p != nil {
			return p
		}
	}
	if p := whole("sms", option{"credit_to", m.CreditTo, `"10086"`}, option{"credit_text", m.CreditText, "CXYE"}); p != nil || m.Port == "" {
		return p
	}
	if m.CreditLow != "" {
		if low, err := strconv.ParseFloat(m.CreditLow, 64); err != nil || low < 0 {
			return wrong("channels.sms.credit_low", texts.Errorf(texts.Config.BadAmount, short(m.CreditLow)), example("credit_low", `"10"`))
		}
	}
	return absolute("channels.sms.port", m.Port, "/dev/ttyUSB2")
}

// whole wants all the options of a channel as soon as there is one of them.
func whole(channel string, options ...option) *problem {
	for _, o := range options {
		if o.value == "" {
			continue
		}
		for _, other := range options {
			if p := with(channel, o, other); p != nil {
				return p
			}
		}
	}
	return nil
}

// with wants what needs as soon as what is set.
func with(channel string, what, needs option) *problem {
	if what.value == "" || needs.value != "" {
		return nil
	}
	return wrong("channels."+channel+"."+what.name, texts.Errorf(texts.Config.Incomplete, needs.name),
		texts.Errorf(texts.Config.IncompleteMend, needs.name, needs.example))
}

// provider wants the address of a provider, if any, to be one that a path can be
// added to.
func provider(field, address, instead string) *problem {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if p := noPassword(field, u, address); p != nil {
		return p
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return wrong(field, texts.Errorf(texts.Config.BadURL, short(address)), texts.Errorf(texts.Config.BadURLMend, instead))
	}
	return nil
}

func template(field, path string) *problem {
	if path == "" {
		return nil
	}
	if p := absolute(field, path, "/etc/linli/webhook.tmpl"); p != nil {
		return p
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return wrong(field, texts.Errorf(texts.Config.BadFile, Cause(err)), texts.Errorf(texts.Config.UnreadableMend))
	}
	if err := notify.CheckTemplate(string(source)); err != nil {
		return wrong(field, texts.Errorf(texts.Config.BadTemplate, short(strings.TrimPrefix(err.Error(), "template: "))), example(field, "/etc/linli/webhook.tmpl"))
	}
	return nil
}

func (c Config) channelSecrets() []secretFile {
	n := c.Channels
	var files []secretFile
	for _, f := range []struct{ option, path string }{
		{"wecom_robot.key_file", n.WeComRobot.KeyFile}, {"wecom_app.secret_file", n.WeComApp.SecretFile},
		{"dingtalk.key_file", n.DingTalk.KeyFile}, {"dingtalk.secret_file", n.DingTalk.SecretFile},
		{"feishu.key_file", n.Feishu.KeyFile}, {"feishu.secret_file", n.Feishu.SecretFile},
		{"ntfy.token_file", n.Ntfy.TokenFile}, {"webhook.secret_file", n.Webhook.SecretFile}, {"email.secret_file", n.Email.SecretFile},
		{"aliyun_sms.secret_file", n.AliyunSMS.SecretFile}, {"aliyun_voice.secret_file", n.AliyunVoice.SecretFile},
	} {
		files = append(files, secretFile{"channels." + f.option, f.path, 1})
	}
	return files
}
