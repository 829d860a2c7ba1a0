package spool

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

// Look reads the incidents in the book of a state directory and changes nothing: it is for a command beside the daemon. Where there is no
// book there are none. One that this account may not read, or that is damaged, is a failure.
func Look(dir string) ([]alert.Incident, error) {
	raw, err := os.ReadFile(filepath.Join(dir, bookFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.Internal, err)
	}
	var held holdings
	text, ok := unsealed(raw)
	if !ok || json.Unmarshal(text, &held) != nil {
		return nil, fault.Errorf(fault.Internal, "%s in %s is damaged", bookFile, dir)
	}
	return held.Incidents, nil
}
