package taobao

// Differences is how many trades were met since the start whose amounts do not add up by the identities of the platform's own fields.
// They are stored as they came.
func (s *Shop) Differences() int { return s.reader.Differences() }
