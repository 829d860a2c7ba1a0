package order

// Field is a value that a remote may also leave out or empty. The zero Field is absent: the remote said nothing.
type Field[T any] struct {
	value T
	state fieldState
}

type fieldState uint8

const (
	stateAbsent fieldState = iota
	stateNull
	stateValue
)

// Some is a field with a value.
func Some[T any](value T) Field[T] { return Field[T]{value: value, state: stateValue} }

// Null is a field that the remote named and left empty: it clears what is stored.
func Null[T any]() Field[T] { return Field[T]{state: stateNull} }

// Get returns the value and whether there is one.
func (f Field[T]) Get() (T, bool) { return f.value, f.state == stateValue }

// Value returns the value, or the zero value where there is none.
func (f Field[T]) Value() T { return f.value }

// Absent reports whether the remote said nothing about the field.
func (f Field[T]) Absent() bool { return f.state == stateAbsent }

// Or returns f, or stored where f is absent.
func (f Field[T]) Or(stored Field[T]) Field[T] {
	if f.state == stateAbsent {
		return stored
	}
	return f
}
