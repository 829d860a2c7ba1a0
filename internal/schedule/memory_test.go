package schedule_test

import (
	"testing"

	"go.uber.org/goleak"

	"ordersync/internal/schedule/scheduletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	t.Parallel()
	scheduletest.Run(t, func(*testing.T) scheduletest.Store { return new(scheduletest.Memory) })
}
