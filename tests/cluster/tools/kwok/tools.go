//go:build tools

// Package tools pins the kwok whose fake nodes the native cluster can have.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
