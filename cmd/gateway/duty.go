package main

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

func (c *cli) careCommand() *cobra.Command {
	t := texts.Duty
	var care registry.Care
	var away, fence string
	var bands []string
	set := c.put("set ID", t.CareSet, "care", func(cmd *cobra.Command, id string) (any, error) {
		var all []registry.Care
		if err := c.ask(cmd, http.MethodGet, "/v1/care", nil, &all); err != nil {
			return nil, err
		}
		next := registry.Care{ID: id}
		if i := slices.IndexFunc(all, func(r registry.Care) bool { return r.ID == id }); i >= 0 {
			next = all[i]
		}
		given := cmd.Flags().Changed
		for _, f := range []struct {
			flag string
			take func()
		}{
			{"groups", func() { next.Groups = care.Groups }}, {"bedroom", func() { next.Bedroom = care.Bedroom }},
			{"high-fall-risk", func() { next.HighFallRisk = care.HighFallRisk }}, {"dementia", func() { next.Dementia = care.Dementia }},
			{"active", func() { next.Active = care.Active }}, {"night", func() { next.Night = care.Night }}, {"meal", func() { next.Meal = care.Meal }},
			{"inactive-minutes", func() { next.InactiveMinutes = care.InactiveMinutes }}, {"bed-exit-minutes", func() { next.BedExitMinutes = care.BedExitMinutes }},
			{"answer-minutes", func() { next.AnswerMinutes = care.AnswerMinutes }}, {"cancel-seconds", func() { next.CancelSeconds = care.CancelSeconds }},
			{"step-seconds", func() { next.StepSeconds = care.StepSeconds }}, {"medium-minutes", func() { next.MediumMinutes = care.MediumMinutes }},
			{"outside-minutes", func() { next.OutsideMinutes = care.OutsideMinutes }}, {"outside-fixes", func() { next.OutsideFixes = care.OutsideFixes }},
			{"meal-minutes", func() { next.MealMinutes = care.MealMinutes }}, {"visit-days", func() { next.VisitDays = care.VisitDays }},
			{"round-hours", func() { next.RoundHours = care.RoundHours }}, {"away-until", func() { next.AwayUntil = strings.TrimPrefix(away, "home") }},
		} {
			if given(f.flag) {
				f.take()
			}
		}
		if given("fence") {
			var err error
			if next.Fence, err = parseFence(fence); err != nil {
				return nil, mendable{err}
			}
		}
		if given("band") {
			next.Bands = nil
			for _, text := range bands {
				b, err := parseBand(text)
				if err != nil {
					return nil, mendable{err}
				}
				next.Bands = append(next.Bands, b)
			}
		}
		return next, nil
	})
	f := set.Flags()
	f.StringSliceVar(&care.Groups, "groups", nil, t.GroupsFlag.In(c.lang))
	f.StringSliceVar(&care.Bedroom, "bedroom", nil, t.BedroomFlag.In(c.lang))
	f.BoolVar(&care.HighFallRisk, "high-fall-risk", false, t.RiskFlag.In(c.lang))
	f.BoolVar(&care.Dementia, "dementia", false, t.DementiaFlag.In(c.lang))
	f.StringVar(&away, "away-until", "", t.AwayFlag.In(c.lang))
	f.StringVar((*string)(&care.Active), "active", "", t.ActiveFlag.In(c.lang))
	f.StringVar((*string)(&care.Night), "night", "", t.NightFlag.In(c.lang))
	f.IntVar(&care.InactiveMinutes, "inactive-minutes", 0, t.InactiveFlag.In(c.lang))
	f.IntVar(&care.BedExitMinutes, "bed-exit-minutes", 0, t.BedFlag.In(c.lang))
	f.IntVar(&care.AnswerMinutes, "answer-minutes", 0, t.AnswerFlag.In(c.lang))
	f.IntVar(&care.CancelSeconds, "cancel-seconds", 0, t.CancelFlag.In(c.lang))
	f.IntVar(&care.StepSeconds, "step-seconds", 0, t.StepFlag.In(c.lang))
	f.IntVar(&care.MediumMinutes, "medium-minutes", 0, t.MediumFlag.In(c.lang))
	f.IntVar(&care.VisitDays, "visit-days", 0, t.VisitDaysFlag.In(c.lang))
	f.IntVar(&care.OutsideMinutes, "outside-minutes", 0, t.OutsideFlag.In(c.lang))
	f.IntVar(&care.OutsideFixes, "outside-fixes", 0, t.FixesFlag.In(c.lang))
	f.IntVar(&care.MealMinutes, "meal-minutes", 0, t.MealMinutesFlag.In(c.lang))
	f.StringVar(&fence, "fence", "", t.FenceFlag.In(c.lang))
	f.StringVar((*string)(&care.Meal), "meal", "", t.MealFlag.In(c.lang))
	f.StringArrayVar(&bands, "band", nil, t.BandFlag.In(c.lang))
	f.IntVar(&care.RoundHours, "round-hours", 0, t.RoundFlag.In(c.lang))
	set.Example = "  linli care set e302 --meal 10:30-13:00 --round-hours 24 --high-fall-risk --band spo2=90..100,2,3"
	return c.group("care", t.Care, set,
		list(c, t.CareList, "care", texts.Columns.Care, func(r registry.Care) []string {
			return []string{r.ID, strings.Join(r.Groups, ","), r.AwayUntil, string(r.Meal), strconv.Itoa(r.RoundHours)}
		}))
}

// parseFence reads latitude,longitude,metres; "" is no fence.
func parseFence(text string) (*registry.Fence, error) {
	if text == "" {
		return nil, nil
	}
	var values [3]float64
	parts := strings.Split(text, ",")
	if len(parts) != len(values) {
		return nil, texts.Errorf(texts.Duty.BadFence, text)
	}
	for i, p := range parts {
		var err error
		if values[i], err = strconv.ParseFloat(strings.TrimSpace(p), 64); err != nil {
			return nil, texts.Errorf(texts.Duty.BadFence, text)
		}
	}
	return &registry.Fence{Latitude: values[0], Longitude: values[1], Metres: values[2]}, nil
}

// parseBand reads name=low..high[,margin[,in a row]].
func parseBand(text string) (registry.Band, error) {
	bad := texts.Errorf(texts.Duty.BadBand, text)
	name, rest, ok := strings.Cut(text, "=")
	parts := strings.Split(rest, ",")
	low, high, dots := strings.Cut(parts[0], "..")
	b := registry.Band{Vital: name}
	var err1, err2, err3, err4 error
	b.Low, err1 = strconv.ParseFloat(low, 64)
	b.High, err2 = strconv.ParseFloat(high, 64)
	if len(parts) > 1 {
		b.Margin, err3 = strconv.ParseFloat(parts[1], 64)
	}
	if len(parts) > 2 {
		b.InARow, err4 = strconv.Atoi(parts[2])
	}
	if !ok || !dots || len(parts) > 3 || err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return b, bad
	}
	return b, nil
}

func (c *cli) groupCommand() *cobra.Command {
	t := texts.Duty
	var g registry.Group
	add := c.put("add ID", t.GroupAdd, "groups", func(cmd *cobra.Command, _ string) (any, error) { return g, c.require(cmd, "name") })
	add.Flags().StringVarP(&g.Name, "name", "n", "", texts.Command.NameFlag.In(c.lang))
	add.Flags().StringVar((*string)(&g.Role), "role", "", t.RoleFlag.In(c.lang))
	add.Flags().StringSliceVar(&g.Members, "members", nil, t.MembersFlag.In(c.lang))
	add.Example = "  linli group add night --name 夜班 --role care --members li,zhang"
	return c.group("group", t.Group, add, c.remove(t.GroupRemove, "groups"),
		list(c, t.GroupList, "groups", texts.Columns.Groups, func(g registry.Group) []string {
			return []string{g.ID, string(g.Role), strings.Join(g.Members, ","), g.Name}
		}))
}

func (c *cli) rotaCommand() *cobra.Command {
	t := texts.Duty
	var s registry.Shift
	var days []string
	add := c.put("add ID", t.RotaAdd, "shifts", func(cmd *cobra.Command, _ string) (any, error) {
		for _, d := range days {
			s.Days = append(s.Days, registry.Day(d))
		}
		return s, c.require(cmd, "group", "people")
	})
	f := add.Flags()
	f.StringVar(&s.Group, "group", "", t.GroupFlag.In(c.lang))
	f.StringSliceVar(&days, "days", nil, t.DaysFlag.In(c.lang))
	f.StringVar(&s.First, "first", "", t.FirstFlag.In(c.lang))
	f.StringVar(&s.Last, "last", "", t.LastFlag.In(c.lang))
	f.StringVar((*string)(&s.Hours), "hours", "", t.HoursFlag.In(c.lang))
	f.StringSliceVar(&s.People, "people", nil, t.PeopleFlag.In(c.lang))
	f.StringVar(&s.Instead, "instead", "", t.InsteadFlag.In(c.lang))
	add.Example = `  linli rota add week --group night --days mon,tue,wed,thu,fri --hours 20:00-08:00 --people li
  linli rota add swap1 --group night --first 2026-10-01 --people zhang --instead li`
	var h registry.Holiday
	holiday := c.put("add DATE", t.HolidayAdd, "holidays", func(*cobra.Command, string) (any, error) { return h, nil })
	holiday.Flags().StringVarP(&h.Name, "name", "n", "", texts.Command.NameFlag.In(c.lang))
	return c.group("rota", t.Rota, add, c.remove(t.RotaRemove, "shifts"),
		list(c, t.RotaList, "shifts", texts.Columns.Shifts, func(s registry.Shift) []string {
			var days []string
			for _, d := range s.Days {
				days = append(days, string(d))
			}
			return []string{s.ID, s.Group, strings.Join(days, ","), s.First, s.Last, string(s.Hours), strings.Join(s.People, ","), s.Instead}
		}),
		c.group("holiday", t.Holiday, holiday, c.remove(t.HolidayRemove, "holidays"),
			list(c, t.HolidayList, "holidays", texts.Columns.Holidays, func(h registry.Holiday) []string { return []string{h.ID, h.Name} })),
		&cobra.Command{
			Use: "now", Short: t.RotaNow.In(c.lang), Args: c.args(0, 0),
			RunE: func(cmd *cobra.Command, _ []string) error {
				var d control.Duty
				if err := c.ask(cmd, http.MethodGet, "/v1/duty", nil, &d); err != nil {
					return err
				}
				if len(d.Now) == 0 {
					c.say(cmd, t.NoGroups)
				}
				for _, s := range d.Now {
					people := strings.Join(s.People, ", ")
					if people == "" {
						people = t.Nobody.In(c.lang)
					}
					c.say(cmd, t.OnDuty, s.Group, s.Role.Text(), people)
				}
				return nil
			},
		},
		&cobra.Command{
			Use: "check", Short: t.RotaCheck.In(c.lang), Args: c.args(0, 0),
			RunE: func(cmd *cobra.Command, _ []string) error {
				var d control.Duty
				if err := c.ask(cmd, http.MethodGet, "/v1/duty", nil, &d); err != nil {
					return err
				}
				return c.sayFlaws(cmd, d)
			},
		})
}

// sayFlaws says what is wrong with the rota; an error if anything is.
func (c *cli) sayFlaws(cmd *cobra.Command, d control.Duty) error {
	t := texts.Duty
	for _, f := range d.Flaws {
		if f.Person == "" {
			c.say(cmd, t.Hole, f.Group, f.From.Format("2006-01-02 15:04"), f.To.Format("2006-01-02 15:04"))
		} else {
			c.say(cmd, t.Mute, f.Group, f.Person, f.From.Format("2006-01-02 15:04"))
		}
	}
	for _, id := range d.Without {
		c.say(cmd, t.NoChannel, id)
	}
	if n := len(d.Flaws) + len(d.Without); n > 0 {
		return mendable{texts.Errorf(t.RotaBad, n)}
	}
	if d.Nobody {
		return mendable{texts.Errorf(texts.Status.Unreachable)}
	}
	c.say(cmd, t.RotaGood)
	return nil
}

func (c *cli) silenceCommand() *cobra.Command {
	t := texts.Duty
	var s alert.Silenced
	var lasts time.Duration
	set := &cobra.Command{
		Use: "set SCOPE", Short: t.SilenceSet.In(c.lang), Args: c.args(1, 1),
		Example: "  linli silence set device/locker-east --mode maintenance --for 2h --by li",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.require(cmd, "by", "for"); err != nil {
				return err
			}
			if lasts <= 0 { // which would end it
				return mendable{texts.Errorf(texts.Command.FlagValue, "for", texts.Command.FlagTypes["duration"], lasts)}
			}
			s.Scope, s.Minutes = args[0], int((lasts+time.Minute-1)/time.Minute)
			if err := c.ask(cmd, http.MethodPost, "/v1/silences", s, nil); err != nil {
				return err
			}
			c.say(cmd, t.SilenceDone, s.Scope, s.Mode.Text(), time.Duration(s.Minutes)*time.Minute)
			return nil
		},
	}
	set.Flags().DurationVar(&lasts, "for", time.Hour, t.ForFlag.In(c.lang))
	end := &cobra.Command{
		Use: "end SCOPE", Short: t.SilenceEnd.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.require(cmd, "by"); err != nil {
				return err
			}
			s.Scope, s.Minutes = args[0], 0
			if err := c.ask(cmd, http.MethodPost, "/v1/silences", s, nil); err != nil {
				return err
			}
			c.say(cmd, t.SilenceEnded, s.Scope, s.Mode.Text())
			return nil
		},
	}
	for _, cmd := range []*cobra.Command{set, end} {
		cmd.Flags().StringVar((*string)(&s.Mode), "mode", string(alert.ModeSilence), t.ModeFlag.In(c.lang))
		cmd.Flags().StringVar(&s.By, "by", "", texts.Command.ByFlag.In(c.lang))
	}
	return c.group("silence", t.Silence, set, end, &cobra.Command{
		Use: "list", Short: t.SilenceList.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []alert.Silence
			if err := c.ask(cmd, http.MethodGet, "/v1/silences", nil, &all); err != nil {
				return err
			}
			if len(all) == 0 {
				c.say(cmd, t.SilenceNone)
			}
			for _, s := range all {
				c.say(cmd, t.SilenceLine, s.Scope, s.Mode.Text(), s.Left.Round(time.Second), s.By)
			}
			return nil
		},
	})
}

// roundCommand shows who is to be visited; that somebody was is visitCommand's.
func (c *cli) roundCommand() *cobra.Command {
	t := texts.AlertRounds
	return c.group("round", t.Round, &cobra.Command{
		Use: "list", Short: t.List.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []alert.Round
			if err := c.ask(cmd, http.MethodGet, "/v1/rounds", nil, &all); err != nil {
				return err
			}
			if len(all) == 0 {
				c.say(cmd, t.None)
			}
			for _, r := range all {
				cmd.Println(r.Elder + "  " + r.When(c.lang))
			}
			return nil
		},
	})
}
