package spool

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"ordersync/internal/fault"
)

// sum is the checksum of a text: eight hexadecimal digits.
func sum(text []byte) []byte {
	crc := crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli))
	return hex.AppendEncode(nil, []byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
}

// sealed is a text with its checksum in front of it.
func sealed(text []byte) []byte {
	return append(append(sum(text), ' '), text...)
}

// unsealed returns the text whose checksum is right.
func unsealed(line []byte) (text []byte, ok bool) {
	crc, text, found := bytes.Cut(line, []byte(" "))
	return text, found && bytes.Equal(crc, sum(text))
}

// replace writes a file in one step: after a crash at any instruction there is the old one or the new one, whole.
func replace(dir, name string, content []byte) error {
	path := filepath.Join(dir, name)
	err := writeThrough(path+".new", os.O_TRUNC, content)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		_ = os.Remove(path + ".new") // half a file takes room on a disk that may be full
		return fault.Errorf(fault.Internal, "the state directory cannot be written: %w", err)
	}
	return settle(dir)
}

// settle makes the names of a directory survive the loss of power.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fault.Errorf(fault.Internal, "the state directory cannot be written: %w", err)
	}
	return nil
}

// writeThrough writes content to a file, to the disk.
func writeThrough(path string, flag int, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// save replaces a file by a sealed JSON text.
func save(dir, name string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return fault.Errorf(fault.Internal, "%s: %w", name, err)
	}
	return replace(dir, name, sealed(text))
}

// load reads what save wrote, into content. No file is no failure; one that is damaged is put aside.
func load(dir, name string, content any) error {
	path := filepath.Join(dir, name)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		text, ok := unsealed(raw)
		if ok && json.Unmarshal(text, content) == nil {
			return nil
		}
		err = fmt.Errorf("%s was damaged and is kept as %s.damaged; what it held is lost", path, name)
	}
	_ = os.Rename(path, path+".damaged") // where even that fails, the next writing replaces it
	return fault.New(fault.Internal, err)
}
