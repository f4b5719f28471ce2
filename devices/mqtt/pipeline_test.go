package mqtt

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// trace is what a pipeline did, in order.
type trace struct {
	mu    sync.Mutex
	steps []string
}

func (tr *trace) add(step string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.steps = append(tr.steps, step)
}

func (tr *trace) want(t *testing.T, steps ...string) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if !slices.Equal(tr.steps, steps) {
		t.Errorf("steps are %q, not %q", tr.steps, steps)
	}
}

// message is a job that takes so long and ends with err.
func (tr *trace) message(name string, takes time.Duration, err error) *job {
	return &job{
		do: func(_ context.Context, done func(error)) {
			tr.add("do " + name)
			time.AfterFunc(takes, func() { done(err) }) // in a bubble
		},
		ack: func() error {
			tr.add("ack " + name)
			return nil
		},
	}
}

func inPipeline(t *testing.T, window int, test func(p *pipeline, tr *trace, failures *[]error)) {
	synctest.Test(t, func(t *testing.T) {
		var failures []error
		p := newPipeline(context.Background(), window, func(err error) { failures = append(failures, err) })
		test(p, &trace{}, &failures)
		<-p.settled()
	})
}

func submit(t *testing.T, p *pipeline, jobs ...*job) {
	t.Helper()
	for _, j := range jobs {
		if !p.submit(nil, j) {
			t.Fatal("not submitted")
		}
		synctest.Wait()
	}
}

// Who takes long holds up no other message, and all acknowledgements.
func TestPipelineOrder(t *testing.T) {
	inPipeline(t, 300, func(p *pipeline, tr *trace, _ *[]error) {
		began := time.Now()
		submit(t, p, tr.message("1", 30*time.Second, nil), tr.message("2", 0, nil), tr.message("sos", 0, nil))
		tr.want(t, "do 1", "do 2", "do sos")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the last message waited %v for a first that hangs", waited)
		}
		<-p.settled()
		tr.want(t, "do 1", "do 2", "do sos", "ack 1", "ack 2", "ack sos")
	})
}

func TestPipelineFails(t *testing.T) {
	full := errors.New("disk full")
	inPipeline(t, 8, func(p *pipeline, tr *trace, failures *[]error) {
		submit(t, p,
			tr.message("1", 0, nil),
			tr.message("2", time.Second, full),
			tr.message("3", 0, nil),
			tr.message("4", 0, full))
		<-p.settled()
		tr.want(t, "do 1", "ack 1", "do 2", "do 3", "do 4")
		if len(*failures) != 1 || !errors.Is((*failures)[0], full) {
			t.Errorf("failures are %v", *failures)
		}
	})
}

func TestPipelineLossyFailureStopsNothing(t *testing.T) {
	inPipeline(t, 8, func(p *pipeline, tr *trace, failures *[]error) {
		lossy := tr.message("1", 0, errors.New("disk full"))
		lossy.lossy = true
		submit(t, p, lossy, tr.message("2", 0, nil))
		tr.want(t, "do 1", "do 2", "ack 2")
		if len(*failures) != 0 {
			t.Errorf("failures are %v", *failures)
		}
	})
}

func TestPipelinePanics(t *testing.T) {
	inPipeline(t, 8, func(p *pipeline, tr *trace, failures *[]error) {
		j := tr.message("1", 0, nil)
		j.do = func(context.Context, func(error)) { panic("boom") }
		submit(t, p, j)
		tr.want(t)
		if len(*failures) != 1 || !errors.Is((*failures)[0], errPanicked) {
			t.Errorf("failures are %v", *failures)
		}
	})
}

func TestPipelineWindow(t *testing.T) {
	inPipeline(t, 2, func(p *pipeline, tr *trace, _ *[]error) {
		submit(t, p, tr.message("1", time.Second, nil), tr.message("2", time.Second, nil))
		stop := make(chan struct{})
		taken := make(chan bool)
		go func() { taken <- p.submit(stop, tr.message("3", 0, nil)) }()
		synctest.Wait()
		tr.want(t, "do 1", "do 2")
		close(stop)
		if <-taken {
			t.Error("a third message was taken into a window of two")
		}
	})
}
