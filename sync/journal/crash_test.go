package journal_test

func runChild() {}
