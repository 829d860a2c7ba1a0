package alert

// Look takes all conditions that a look found; judged says of which keys it could tell at all (nil: of all).
func (d *Desk) Look(conditions []Condition, judged func(Key) bool) {}
