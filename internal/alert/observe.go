package alert

// Observe takes the end of a run, or a mute.
func (d *Desk) Observe(o Observation) {}
