package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices/registry"
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
// way of the providers that are set up and of the webhooks that people have, the
// local network by way of theirs, the modem with its network and card, and each
// login or token that can be tried without sending anything.
func (n *Channels) Paths(c Config, people func() *registry.Snapshot) []Path {
	var providers []string
	for kind, address := range map[string]string{
		WeComRobotChannel: c.WeComRobot.URL, WeComAppChannel: c.WeComApp.URL, DingTalkChannel: c.DingTalk.URL, FeishuChannel: c.Feishu.URL,
		BarkChannel: c.Bark.URL, NtfyChannel: c.Ntfy.URL, AliyunSMSChannel: c.AliyunSMS.URL, AliyunVoiceChannel: c.AliyunVoice.URL,
	} {
		if n.channels[kind] != nil {
			providers = append(providers, hostPort(address)...)
		}
	}
	if c.Email.Server != "" {
		providers = append(providers, c.Email.Server)
	}
	// reached is what a page to somebody goes to by a way, as things are now.
	reached := func(way string) (hosts []string) {
		if way == wayInternet {
			hosts = slices.Clone(providers)
		}
		for _, person := range people().Caregivers {
			for _, c := range person.Channels {
				if c.Kind == WebhookChannel && wayOf(c) == way {
					hosts = append(hosts, hostPort(c.Address)...)
				}
			}
		}
		slices.Sort(hosts)
		return slices.Compact(hosts)
	}
	paths := []Path{
		{"internet", func(ctx context.Context) error { return one(ctx, reached(wayInternet), dial) }},
		{"dns", func(ctx context.Context) error { return one(ctx, reached(wayInternet), resolve) }},
		{"local network", func(ctx context.Context) error { return one(ctx, reached(wayLocal), dial) }},
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

// hostPort is what a URL connects to, nothing if that cannot be told.
func hostPort(address string) []string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return []string{net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))}
}

// one is nil if one of the hosts works, then the line does, whatever has become
// of the others; or if there are none, and nobody needs the line.
func one(ctx context.Context, hosts []string, works func(ctx context.Context, host string) error) error {
	results := make(chan error, len(hosts))
	for _, h := range hosts {
		go func() { results <- works(ctx, h) }()
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
