package notify

import (
	"time"

	"github.com/linli-edge/gateway/devices/texts"
)

// The kinds of channels, as a caregiver's channels name them. What stands as
// address behind each is what [Addressing] says.
const (
	WeComRobotChannel  = "wecom_robot"
	WeComAppChannel    = "wecom_app"
	DingTalkChannel    = "dingtalk"
	FeishuChannel      = "feishu"
	BarkChannel        = "bark"
	NtfyChannel        = "ntfy"
	WebhookChannel     = "webhook"
	EmailChannel       = "email"
	AliyunSMSChannel   = "aliyun_sms"
	AliyunVoiceChannel = "aliyun_voice"
	SMSChannel         = "sms"
	SpeechChannel      = "speech"
)

// Config are the settings of the channels. A channel is there as soon as the
// option is set that it cannot do without; secrets stand in files.
type Config struct {
	// Language of what is sent where a channel carries one: zh or en.
	Language    string       `yaml:"language" example:"zh"`
	WeComRobot  Robot        `yaml:"wecom_robot"`
	WeComApp    WeComApp     `yaml:"wecom_app"`
	DingTalk    SignedRobot  `yaml:"dingtalk"`
	Feishu      SignedRobot  `yaml:"feishu"`
	Bark        Bark         `yaml:"bark"`
	Ntfy        Ntfy         `yaml:"ntfy"`
	Webhook     WebhookHooks `yaml:"webhook"`
	Email       Email        `yaml:"email"`
	AliyunSMS   AliyunSMS    `yaml:"aliyun_sms"`
	AliyunVoice AliyunVoice  `yaml:"aliyun_voice"`
	SMS         SMS          `yaml:"sms"`
	Siren       Siren        `yaml:"siren"`
	Speech      Speech       `yaml:"speech"`
}

// Robot is the robot of a WeCom group.
type Robot struct {
	// URL is the provider's address without the key.
	URL string `yaml:"url" example:"https://qyapi.weixin.qq.com/cgi-bin/webhook/send"`
	// KeyFile holds the key of the robot's webhook.
	KeyFile string `yaml:"key_file" example:"/etc/linli/wecom-robot.key"`
}

// SignedRobot is the robot of a DingTalk or Feishu group.
type SignedRobot struct {
	// URL is the provider's address without the token.
	URL string `yaml:"url" example:"https://oapi.dingtalk.com/robot/send"`
	// KeyFile holds the token of the robot's webhook, SecretFile the secret
	// that it signs with; without SecretFile nothing is signed.
	KeyFile    string `yaml:"key_file" example:"/etc/linli/robot.key"`
	SecretFile string `yaml:"secret_file" example:"/etc/linli/robot.secret"`
}

// WeComApp is an application of the company's own in WeCom.
type WeComApp struct {
	URL   string `yaml:"url" example:"https://qyapi.weixin.qq.com"`
	Corp  string `yaml:"corp" example:"ww1234567890abcdef"`
	Agent string `yaml:"agent" example:"\"1000002\""`
	// SecretFile holds the application's secret.
	SecretFile string `yaml:"secret_file" example:"/etc/linli/wecom-app.secret"`
}

// Bark is a push server for iPhones.
type Bark struct {
	URL string `yaml:"url" example:"https://api.day.app"`
}

// Ntfy is a push server for Android and the desktop.
type Ntfy struct {
	URL string `yaml:"url" example:"https://ntfy.example.org"`
	// TokenFile holds an access token, if the server wants one.
	TokenFile string `yaml:"token_file" example:"/etc/linli/ntfy.token"`
}

// WebhookHooks is what may be added to the plain webhook, which needs nothing.
type WebhookHooks struct {
	// SecretFile holds the key with which each request is signed.
	SecretFile string `yaml:"secret_file" example:"/etc/linli/webhook.secret"`
	// Template is a file with a text/template that makes the body, in place of
	// the page as JSON.
	Template string `yaml:"template" example:"/etc/linli/webhook.tmpl"`
}

// Email is a mail server that takes the box's mail.
type Email struct {
	// Server is the host:port; port 465 is TLS from the first byte, any other
	// must offer STARTTLS.
	Server string `yaml:"server" example:"smtp.example.com:465"`
	From   string `yaml:"from" example:"linli@example.com"`
	// User logs in with the password of SecretFile; without it nobody logs in.
	User       string `yaml:"user" example:"linli@example.com"`
	SecretFile string `yaml:"secret_file" example:"/etc/linli/email.secret"`
}

// AliyunSMS is the short-message service of Alibaba Cloud. The template gets
// the variables kind, where, minutes.
type AliyunSMS struct {
	URL string `yaml:"url" example:"https://dysmsapi.aliyuncs.com"`
	// Key is the AccessKey ID, SecretFile holds its secret.
	Key        string `yaml:"key" example:"LTAI5tExample"`
	SecretFile string `yaml:"secret_file" example:"/etc/linli/aliyun.secret"`
	Sign       string `yaml:"sign" example:"邻里"`
	Template   string `yaml:"template" example:"SMS_123456789"`
}

// AliyunVoice is the voice service of Alibaba Cloud, which calls and reads a
// template out. The template gets the same variables.
type AliyunVoice struct {
	URL        string `yaml:"url" example:"https://dyvmsapi.aliyuncs.com"`
	Key        string `yaml:"key" example:"LTAI5tExample"`
	SecretFile string `yaml:"secret_file" example:"/etc/linli/aliyun.secret"`
	// Number is the caller's number that was bought, "" for the public pool.
	Number   string `yaml:"number" example:"\"02512345678\""`
	Template string `yaml:"template" example:"TTS_123456789"`
}

// SMS is a modem with a SIM card of its own, a 4G stick.
type SMS struct {
	// Port is the serial port that takes AT commands.
	Port string `yaml:"port" example:"/dev/serial/by-id/usb-SimTech_SIM7600-if02-port0"`
	// PINFile holds the PIN of the SIM card, if it has one.
	PINFile string `yaml:"pin_file" example:"/etc/linli/sim.pin"`
	// CreditUSSD or CreditTo with CreditText asks the operator once a day what
	// is left on the card; below CreditLow that is flagged.
	CreditUSSD string `yaml:"credit_ussd" example:"\"*100#\""`
	CreditTo   string `yaml:"credit_to" example:"\"10086\""`
	CreditText string `yaml:"credit_text" example:"CXYE"`
	CreditLow  string `yaml:"credit_low" example:"\"10\""`
}

// Siren is a siren or lamp that takes commands over MQTT.
type Siren struct {
	Topic string `yaml:"topic" example:"zigbee2mqtt/siren/set"`
	// On and Off are the payloads; Evacuate is that of another sound for smoke,
	// gas and water, On if it is empty.
	On       string `yaml:"on" example:"'{\"state\":\"ON\"}'"`
	Off      string `yaml:"off" example:"'{\"state\":\"OFF\"}'"`
	Evacuate string `yaml:"evacuate" example:"'{\"warning\":{\"mode\":\"fire\"}}'"`
}

// Speech is a loudspeaker at the box.
type Speech struct {
	// Device is the ALSA device.
	Device string `yaml:"device" example:"default"`
	// Sounds is a folder with recordings, one a kind of incident: sos.wav,
	// fall.wav… What has none is read out by espeak-ng.
	Sounds string `yaml:"sounds" example:"/etc/linli/sounds"`
}

// Defaults is what a box has about whose channels nothing is said: webhooks
// alone.
func Defaults() Config {
	return Config{
		Language:    "zh",
		WeComRobot:  Robot{URL: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"},
		WeComApp:    WeComApp{URL: "https://qyapi.weixin.qq.com"},
		DingTalk:    SignedRobot{URL: "https://oapi.dingtalk.com/robot/send"},
		Feishu:      SignedRobot{URL: "https://open.feishu.cn/open-apis/bot/v2/hook"},
		AliyunSMS:   AliyunSMS{URL: "https://dysmsapi.aliyuncs.com"},
		AliyunVoice: AliyunVoice{URL: "https://dyvmsapi.aliyuncs.com"},
	}
}

// limit is how many sends a provider takes in any span of time.
type limit struct {
	sends int
	span  time.Duration
	// each is set where the limit holds for each address by itself.
	each bool
}

// trait is what is known of a kind of channel, whoever set it up.
type trait struct {
	// way is what a page leaves the box by, see Ways.
	way    string
	limits []limit
}

// The ways out of the box.
const (
	wayInternet = "internet"
	wayLocal    = "local network"
	waySIM      = "sim"
	wayBox      = "box"
)

// traits are by kind. Limits are the providers' published ones; those that a
// provider does not publish are ours, against flooding people.
var traits = map[string]trait{
	WeComRobotChannel:  {wayInternet, []limit{{20, time.Minute, false}}},
	WeComAppChannel:    {wayInternet, []limit{{30, time.Minute, true}, {1000, time.Hour, true}}},
	DingTalkChannel:    {wayInternet, []limit{{20, time.Minute, false}}},
	FeishuChannel:      {wayInternet, []limit{{5, time.Second, false}, {100, time.Minute, false}}},
	BarkChannel:        {wayInternet, []limit{{60, time.Minute, true}}},
	NtfyChannel:        {wayInternet, []limit{{60, time.Minute, false}}},
	WebhookChannel:     {wayInternet, nil},
	EmailChannel:       {wayInternet, []limit{{60, time.Minute, false}}},
	AliyunSMSChannel:   {wayInternet, []limit{{50, 24 * time.Hour, true}}},
	AliyunVoiceChannel: {wayInternet, []limit{{1, time.Minute, true}, {5, time.Hour, true}, {20, 24 * time.Hour, true}}},
	SMSChannel:         {waySIM, []limit{{20, time.Minute, false}}},
	SpeechChannel:      {wayBox, nil},
}

// Addressing says what the address of a kind of channel is.
func Addressing(kind string) texts.Text {
	t := texts.Notify
	switch kind {
	case WeComRobotChannel, DingTalkChannel:
		return t.Mobile
	case WeComAppChannel:
		return t.Member
	case FeishuChannel:
		return t.OpenID
	case BarkChannel:
		return t.DeviceKey
	case NtfyChannel:
		return t.Topic
	case WebhookChannel:
		return t.URL
	case EmailChannel:
		return t.Mailbox
	case SpeechChannel:
		return t.Voice
	}
	return t.Number
}
