package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// The rota, what is agreed on, silences, rounds and an incident's whole life,
// by the command line of a running daemon.
func TestCareByTheCommandLine(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.register(registry.Caregiver{ID: "li", Name: "李敏", Channels: []registry.Channel{{Kind: "webhook", Address: b.phone.url}}},
		registry.Caregiver{ID: "mute", Name: "默"}, registry.Elder{ID: "e302", Name: "王秀英", Building: "3号楼", Room: "302", Caregivers: []string{"li"}})
	config := b.write()
	g, stop := b.start()
	defer stop()
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := execute(t.Context(), texts.English, append([]string{"-c", config}, args...), &out, &errs); code != want {
			t.Fatalf("%s: code %d\n%s%s", strings.Join(args, " "), code, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	says := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}

	run(0, "group", "add", "night", "--name", "夜班", "--role", "care", "--members", "li")
	run(0, "rota", "add", "week", "--group", "night", "--days", "sun,mon,tue,wed,thu,fri,sat", "--people", "li")
	says(run(2, "rota", "check"), "caregiver mute has no channel that works")
	run(0, "rota", "add", "x", "--group", "night", "--first", time.Now().Add(48*time.Hour).Format(time.DateOnly), "--hours", "08:00-20:00", "--people", "mute")
	says(run(2, "rota", "check"), "on duty without a channel that works: mute (group night, from ")
	says(run(0, "check"), "The rota has 2 problems.")
	_, metrics := b.get("/metrics")
	says(metrics, "linli_alert_rota_flaws 1\n")
	run(0, "rota", "remove", "x")
	run(0, "caregiver", "add", "mute", "--name", "默", "--channel", "webhook="+b.phone.url, "--quiet", "22:00-06:00")
	says(run(0, "rota", "check"), "has no hole")
	says(run(0, "check"), "has no hole")
	says(run(0, "rota", "now"), "night (care): li")
	says(run(2, "rota", "add", "bad", "--group", "night", "--people", "li"), "days: a shift has days")
	run(0, "rota", "holiday", "add", "2026-10-01", "--name", "国庆")
	says(run(0, "rota", "list"), "sun,mon,tue")

	run(0, "care", "set", "e302", "--meal", "10:30-13:00", "--fence", "32.06,118.79,300", "--band", "spo2=90..100,2,3")
	run(0, "care", "set", "e302", "--round-hours", "24", "--active", "06:00-20:00", "--night", "21:00-05:00", "--inactive-minutes", "600", "--bed-exit-minutes", "20",
		"--answer-minutes", "10", "--cancel-seconds", "30", "--step-seconds", "45", "--medium-minutes", "2", "--visit-days", "2", "--outside-minutes", "5", "--outside-fixes", "3",
		"--meal-minutes", "40", "--high-fall-risk", "--dementia", "--away-until", "2026-12-01", "--bedroom", "nap", "--groups", "night")
	want := registry.Care{
		ID: "e302", Groups: []string{"night"}, HighFallRisk: true, Dementia: true, AwayUntil: "2026-12-01", Active: "06:00-20:00", Night: "21:00-05:00",
		InactiveMinutes: 600, BedExitMinutes: 20, AnswerMinutes: 10, CancelSeconds: 30, StepSeconds: 45, MediumMinutes: 2, VisitDays: 2,
		Fence: &registry.Fence{Latitude: 32.06, Longitude: 118.79, Metres: 300}, OutsideMinutes: 5, OutsideFixes: 3, Bedroom: []string{"nap"},
		Meal: "10:30-13:00", MealMinutes: 40, Bands: []registry.Band{{Vital: "spo2", Low: 90, High: 100, Margin: 2, InARow: 3}}, RoundHours: 24,
	}
	if c := g.registry.Snapshot().Cares["e302"]; !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, want %+v", c, want)
	}
	says(run(2, "care", "set", "e302", "--step-seconds", "3600"), "step_seconds: must be 0 to 300")
	run(0, "care", "set", "e302", "--away-until", "home", "--step-seconds", "0")
	if c := g.registry.Snapshot().Cares["e302"]; c.AwayUntil != "" || c.StepSeconds != 0 {
		t.Errorf("%+v", c)
	}
	says(run(2, "care", "set", "e302", "--band", "spo2=high"), "must be like spo2=90..100,2,3")
	says(run(2, "care", "set", "e302", "--fence", "here"), "must be like 32.06,118.79,300")
	eventually(t, "the round", func() bool { return strings.Contains(run(0, "round", "list"), "e302  next visit due in ") })
	run(0, "visit", "e302", "--by", "li")
	says(run(2, "visit", "e999", "--by", "li"), "e999")

	run(0, "silence", "set", "elder/e302", "--for", "2h", "--by", "li")
	says(run(0, "silence", "list"), "elder/e302")
	run(0, "silence", "end", "elder/e302", "--by", "li")
	says(run(0, "silence", "list"), "Nothing is silenced")
	says(run(2, "silence", "set", "all", "--for", "300h", "--by", "li"), "minutes: must be 1 to 10080")
	run(0, "silence", "set", "kind/door_ajar", "--for", "1s", "--by", "li")
	says(run(0, "silence", "list"), "kind/door_ajar")
	run(0, "silence", "end", "kind/door_ajar", "--by", "li")
	run(0, "silence", "end", "elder/e203", "--by", "li") // whoever has gone since
	says(run(2, "silence", "set", "elder/e203", "--by", "li"), `elder "e203" is not registered`)
	says(run(2, "silence", "set", "device/w203", "--by", "li"), `no device "w203" is registered`)
	says(run(2, "silence", "set", "kind/doors", "--by", "li"), `no incidents of the kind "doors"; there are: [`)

	if err := g.alerts.Report(t.Context(), alert.Found{Kind: alert.Inactivity, Elder: "e302", Because: []alert.Sign{{Sign: alert.SignNoLife, Minutes: 720}}}, "f1"); err != nil {
		t.Fatal(err)
	}
	pages := b.phone.await(t, "the finding", func(p []alert.Page) bool { return len(p) > 0 })
	id := pages[0].Incident
	run(0, "incident", "acknowledge", id, "--by", "li")
	run(0, "incident", "handover", id, "--by", "li", "--to", "mute")
	run(0, "incident", "onscene", id, "--by", "mute")
	run(0, "incident", "note", id, "--by", "mute", "--text", "一切平安")
	run(0, "incident", "resolve", id, "--by", "mute", "--cause", "away")
	shown := run(0, "incident", "show", id)
	for _, want := range []string{"No sign of life (medium) resolved", "no sign of life for 720 min", "handed over to mute", "mute: 一切平安", "on scene: mute command", "resolved: "} {
		says(shown, want)
	}
	says(run(2, "incident", "show", "none"), "there is no incident none")
	why := run(0, "alert", "explain", id)
	for _, want := range []string{
		"raised: No sign of life (medium)", "rule: Call or visit to see", "because: no sign of life for 720 min", "step 1 -> li (webhook): the elder's own caregiver; accepted by the channel",
		"acknowledged by li (command)", "li has handed over to mute", "mute is there (command)", "resolved by mute: ", "now: resolved",
	} {
		says(why, want)
	}
	says(run(0, "incident", "list"), "medium")
}

// A box of which nobody can be called does not say that its rota is good; its
// configuration is.
func TestNobodyCanBeCalled(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	config := b.write()
	_, stop := b.start()
	defer stop()
	for _, c := range []struct {
		args []string
		code int
	}{{[]string{"rota", "check"}, 2}, {[]string{"check"}, 0}} {
		code, stdout, stderr := command(t, "en_US.UTF-8", append(c.args, "--config", config)...)
		if told := stdout + stderr; code != c.code || !strings.Contains(told, "nobody can be called for help") || strings.Contains(told, "has no hole") {
			t.Errorf("%s: %d, %s", c.args, code, told)
		}
	}
}
