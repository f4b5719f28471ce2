package texts

// Outgoing is what is said of the outgoing rules of a device profile.
var Outgoing = struct {
	Cannot, Topic, NotCovered Text
}{
	Cannot:     Text{"action：%s 不能执行 %q", "action: a %s cannot be asked to %q"},
	Topic:      Text{"topic：须为以“/”分隔的层级，可含设置、{address}、{address...}（一层或多层）、{compartment} 和 {name}（现为 %q）", "topic: must be levels separated by '/', with settings, {address}, {address...} (one or more levels), {compartment} and {name} (got %q)"},
	NotCovered: Text{"topic：%q 不在 commands 所列的过滤器之内，请补充", "topic: %q is under none of the filters in commands, add one"},
}
