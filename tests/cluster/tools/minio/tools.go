//go:build tools

// Package tools pins the minio the native cluster runs.
package tools

import _ "github.com/minio/minio"
