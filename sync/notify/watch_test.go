package notify

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

// A path that goes down, refused or hanging, is told within 180 seconds, once;
// one failure alone is not; what could not be taken is told again. That it works
// is told at the start, too.
func TestWatchTellsWithin180Seconds(t *testing.T) {
	for name, failure := range map[string]func(context.Context) error{
		"refused": func(context.Context) error { return errors.New("refused") },
		"hanging": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var down, deaf atomic.Bool
				type told struct {
					down bool
					at   time.Duration
				}
				var heard []told
				start := time.Now()
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() {
					done <- Watch(ctx, []Path{{"internet", func(ctx context.Context) error {
						if down.Load() {
							return failure(ctx)
						}
						return nil
					}}}, CheckEvery, slog.New(slog.DiscardHandler), func(_ context.Context, _ string, down bool) error {
						if deaf.Load() {
							return errors.New("disk full")
						}
						heard = append(heard, told{down, time.Since(start)})
						return nil
					})
				}()
				set := func(to bool, d time.Duration) {
					down.Store(to)
					time.Sleep(d)
					synctest.Wait()
				}
				set(false, time.Minute+time.Second)
				if len(heard) != 1 || heard[0].down {
					t.Fatalf("that it works is not told once: %+v", heard)
				}
				heard = nil
				set(true, CheckEvery)
				set(false, 10*time.Minute)
				if len(heard) > 0 {
					t.Fatalf("one failure is told: %+v", heard)
				}
				began := time.Since(start)
				set(true, time.Hour)
				if len(heard) != 1 || !heard[0].down || heard[0].at-began > 180*time.Second {
					t.Fatalf("down since %s: %+v", began, heard)
				}
				deaf.Store(true)
				set(false, time.Minute)
				deaf.Store(false)
				set(false, time.Minute)
				if len(heard) != 2 || heard[1].down {
					t.Errorf("mended: %+v", heard)
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The paths of real channels: the line by any provider, the token by itself.
func TestPathsOfChannels(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	n, _ := clouded(t, cloud, stamp)
	c := Defaults()
	c.DingTalk.URL, c.WeComApp.URL = cloud.URL+"/dingtalk", cloud.URL+"/wecom"
	c.WeComRobot.URL, c.Feishu.URL, c.Bark.URL, c.Ntfy.URL, c.AliyunSMS.URL, c.AliyunVoice.URL = cloud.URL, cloud.URL, cloud.URL, cloud.URL, cloud.URL, cloud.URL
	people := &registry.Snapshot{}
	check := func() map[string]error {
		results := map[string]error{}
		for _, p := range n.Paths(c, func() *registry.Snapshot { return people }) {
			results[p.Name] = p.Check(t.Context())
		}
		return results
	}
	for name, err := range check() {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	sender[*wecomApp](n, WeComAppChannel).secret = "withdrawn"
	sender[*wecomApp](n, WeComAppChannel).drop(t.Context(), "token-1")
	if got := check(); got["internet"] != nil || got["dns"] != nil || got[WeComAppChannel] == nil {
		t.Errorf("%v", got)
	}
}

// A box whose people have nothing but webhooks watches the lines to these: the
// Internet's, and those on the local network, each as long as somebody has one.
func TestPathsOfWebhooks(t *testing.T) {
	n, err := Open(Defaults(), Options{Clock: stamp, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	works, gone := serve(t, func(http.ResponseWriter, *http.Request) {}), "http://127.0.0.1:1"
	people := &registry.Snapshot{}
	paths := n.Paths(Defaults(), func() *registry.Snapshot { return people })
	reaches := func(addresses ...string) (failed []string) {
		t.Helper()
		var list []registry.Channel
		for _, a := range addresses {
			list = append(list, registry.Channel{Kind: WebhookChannel, Address: a})
		}
		people = &registry.Snapshot{Caregivers: map[string]registry.Caregiver{"li": {ID: "li", Channels: list}}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, p := range paths {
			if p.Check(ctx) != nil {
				failed = append(failed, p.Name)
			}
		}
		return failed
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(works, "http://"))
	for _, c := range []struct {
		addresses []string
		failed    string
	}{
		{nil, ""},
		{[]string{works}, ""},
		{[]string{gone}, "local network"},
		{[]string{gone, works}, ""},
		{[]string{"http://localhost:" + port}, ""},
		{[]string{"http://localhost:1", works}, "internet"},
		{[]string{"https://nobody.invalid/page"}, "internet dns"},
	} {
		if got := strings.Join(reaches(c.addresses...), " "); got != c.failed {
			t.Errorf("%q: down: %q, want %q", c.addresses, got, c.failed)
		}
	}
}
