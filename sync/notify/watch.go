package notify

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
)

// Path is something that pages, or reports, need to get through.
type Path struct {
	// Name is what people read of it.
	Name string
	// Check returns nil if it works, and soon after ctx ends.
	Check func(ctx context.Context) error
}

// Internet is the name of the path on which all others beyond the house depend.
const Internet = "internet"

// A path is down after so many checks in a row have failed. With CheckEvery,
// and half of it for a check, the first sign of it is 105 s old at the most when
// it is told, well within 180 s.
const (
	CheckEvery = 30 * time.Second
	downAfter  = 3
)

// Watch checks paths until ctx ends, and returns nil. found hears when one goes
// down, and when it works again: at the first check, too, for whoever was told
// before a restart that it is down. What found could not take is told once more.
func Watch(ctx context.Context, paths []Path, every time.Duration, log *slog.Logger, found func(ctx context.Context, path string, down bool) error) error {
	var all sync.WaitGroup
	for _, p := range paths {
		all.Go(func() { p.watch(ctx, every, log, found) })
	}
	all.Wait()
	<-ctx.Done()
	return nil
}

func (p Path) watch(ctx context.Context, every time.Duration, log *slog.Logger, found func(ctx context.Context, path string, down bool) error) {
	failed, told, first := 0, false, true
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, every/2)
		if err := p.Check(limited); err == nil {
			failed = 0
		} else if failed++; failed == downAfter {
			log.Warn("path down", "path", p.Name, "error", reason(err))
		}
		cancel()
		if down := failed >= downAfter; (first || down != told) && (down || failed == 0) {
			if err := found(ctx, p.Name, down); err == nil {
				told, first = down, false
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// Paths are those of the channels themselves: the Internet and its names, by
// way of the providers that are set up, the modem with its network and card,
// and each login or token that can be tried without sending anything.
func (n *Channels) Paths(c Config) []Path {
	var hosts []string
	for kind, address := range map[string]string{
		WeComRobotChannel: c.WeComRobot.URL, WeComAppChannel: c.WeComApp.URL, DingTalkChannel: c.DingTalk.URL, FeishuChannel: c.Feishu.URL,
		BarkChannel: c.Bark.URL, NtfyChannel: c.Ntfy.URL, AliyunSMSChannel: c.AliyunSMS.URL, AliyunVoiceChannel: c.AliyunVoice.URL,
	} {
		if n.channels[kind] == nil {
			continue
		}
		if u, err := url.Parse(address); err == nil {
			port := u.Port()
			if port == "" {
				port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
			}
			hosts = append(hosts, net.JoinHostPort(u.Hostname(), port))
		}
	}
	var paths []Path
	if len(hosts) > 0 {
		paths = append(paths,
			Path{Internet, func(ctx context.Context) error { return one(hosts, func(h string) error { return dial(ctx, h) }) }},
			Path{"dns", func(ctx context.Context) error { return one(hosts, func(h string) error { return resolve(ctx, h) }) }})
	}
	for kind, ch := range n.channels {
		if look, ok := ch.sender.(checker); ok && kind != EmailChannel { // a login each half minute is abuse
			paths = append(paths, Path{kind, func(ctx context.Context) error {
				if r := look.Check(ctx); r.Class != alert.Accepted {
					return errors.New(r.Detail)
				}
				return nil
			}})
		}
	}
	if n.modem != nil {
		paths = append(paths, Path{"sim credit", func(context.Context) error {
			if n.modem.State().Low {
				return errors.New("little is left")
			}
			return nil
		}})
	}
	return paths
}

// one is nil if one of the hosts works: then the line does, whatever has
// become of the others.
func one(hosts []string, works func(host string) error) error {
	results := make(chan error, len(hosts))
	for _, h := range hosts {
		go func() { results <- works(h) }()
	}
	var err error
	for range hosts {
		if err = <-results; err == nil {
			return nil
		}
	}
	return err
}

func dial(ctx context.Context, host string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	return conn.Close()
}

func resolve(ctx context.Context, host string) error {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return err
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return nil
	}
	_, err = net.DefaultResolver.LookupHost(ctx, name)
	return err
}
