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
func (tr *trace) message(topic, name string, takes time.Duration, err error) *job {
	return &job{
		topic: topic,
		do: func(context.Context) error {
			tr.add("do " + name)
			time.Sleep(takes) // in a bubble
			return err
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

func TestPipelineOrder(t *testing.T) {
	inPipeline(t, 8, func(p *pipeline, tr *trace, _ *[]error) {
		submit(t, p,
			tr.message("a", "1", 50*time.Millisecond, nil),
			tr.message("a", "2", 0, nil),
			tr.message("b", "3", 0, nil))
		// Another topic overtakes, but not its acknowledgement.
		tr.want(t, "do 1", "do 3")
		<-p.settled()
		tr.mu.Lock()
		tr.steps = slices.DeleteFunc(tr.steps, func(s string) bool { return s == "do 2" }) // beside the first acknowledgement
		tr.mu.Unlock()
		tr.want(t, "do 1", "do 3", "ack 1", "ack 2", "ack 3")
	})
}

func TestPipelineHangs(t *testing.T) {
	inPipeline(t, 8, func(p *pipeline, tr *trace, _ *[]error) {
		began := time.Now()
		sos := tr.message("a", "sos", 0, nil)
		var waited time.Duration
		do := sos.do
		sos.do = func(ctx context.Context) error {
			waited = time.Since(began)
			return do(ctx)
		}
		submit(t, p, tr.message("a", "1", 30*time.Second, nil), sos)
		<-p.settled()
		tr.want(t, "do 1", "do sos", "ack 1", "ack sos")
		if waited != patience {
			t.Errorf("the second message waited %v for a first that hangs", waited)
		}
	})
}

func TestPipelineFails(t *testing.T) {
	full := errors.New("disk full")
	inPipeline(t, 8, func(p *pipeline, tr *trace, failures *[]error) {
		submit(t, p,
			tr.message("a", "1", 0, nil),
			tr.message("b", "2", time.Second, full),
			tr.message("c", "3", 0, nil),
			tr.message("d", "4", 0, full))
		<-p.settled()
		tr.want(t, "do 1", "ack 1", "do 2", "do 3", "do 4")
		if len(*failures) != 1 || !errors.Is((*failures)[0], full) {
			t.Errorf("failures are %v", *failures)
		}
	})
}

func TestPipelineLossyFailureStopsNothing(t *testing.T) {
	inPipeline(t, 8, func(p *pipeline, tr *trace, failures *[]error) {
		lossy := tr.message("a", "1", 0, errors.New("disk full"))
		lossy.lossy = true
		submit(t, p, lossy, tr.message("a", "2", 0, nil))
		tr.want(t, "do 1", "do 2", "ack 2")
		if len(*failures) != 0 {
			t.Errorf("failures are %v", *failures)
		}
	})
}

func TestPipelinePanics(t *testing.T) {
	inPipeline(t, 8, func(p *pipeline, tr *trace, failures *[]error) {
		j := tr.message("a", "1", 0, nil)
		j.do = func(context.Context) error { panic("boom") }
		submit(t, p, j)
		tr.want(t)
		if len(*failures) != 1 || !errors.Is((*failures)[0], errPanicked) {
			t.Errorf("failures are %v", *failures)
		}
	})
}

func TestPipelineWindow(t *testing.T) {
	inPipeline(t, 2, func(p *pipeline, tr *trace, _ *[]error) {
		submit(t, p, tr.message("a", "1", time.Second, nil), tr.message("b", "2", time.Second, nil))
		stop := make(chan struct{})
		taken := make(chan bool)
		go func() { taken <- p.submit(stop, tr.message("c", "3", 0, nil)) }()
		synctest.Wait()
		tr.want(t, "do 1", "do 2")
		close(stop)
		if <-taken {
			t.Error("a third message was taken into a window of two")
		}
	})
}
