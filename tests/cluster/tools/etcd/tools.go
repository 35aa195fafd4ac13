//go:build tools

// Package tools pins the etcd the native cluster runs.
package tools

import _ "go.etcd.io/etcd/server/v3"
