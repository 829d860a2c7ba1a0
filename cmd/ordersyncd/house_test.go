package main

// houseRoot is the module's root, as seen from this package's tests.
const houseRoot = "../.."
