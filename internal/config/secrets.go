package config

// Secrets are the texts of all secrets of the file, and of what stands inside them (the password of a connection line, the key of an
// address), for those who take them out of other texts. What is too common to be a secret is left out.
func (c *Config) Secrets() []string { return nil }
