//go:build tools

// Package tools pins the coredns the native cluster runs.
package tools

import _ "github.com/coredns/coredns"
