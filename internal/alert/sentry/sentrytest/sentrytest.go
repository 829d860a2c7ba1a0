// Package sentrytest is a receiver of Sentry's envelopes over real HTTP, for tests and the demo. It shares no code with package sentry.
package sentrytest
