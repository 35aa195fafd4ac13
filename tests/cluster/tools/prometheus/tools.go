//go:build tools

// Package tools pins the Prometheus that tests scrape with.
package tools

import _ "github.com/prometheus/prometheus/cmd/prometheus"
