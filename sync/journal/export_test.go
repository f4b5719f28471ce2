package journal

// The seams that tests use, and nobody else.

// OpenFaulty opens a journal whose commits fail as told: before is asked
// instead of the commit, after when the commit went well.
func OpenFaulty(dir string, options Options, before, after func(Chain) error) (*Journal, error) {
	return open(dir, options, faults{before: before, after: after})
}

// Tidy makes the janitor look.
func (j *Journal) Tidy() { j.janitor.look() }

const (
	Window        = window
	CompanyEvents = companyEvents
)

// Forget makes the janitor take room for the state once more.
func (s *State) Forget() { s.allocated.Store(0) }
