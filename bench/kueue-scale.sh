#!/usr/bin/env bash
# Kueue's own scale test, played by `onager simulate`: five cohorts of six queues, 500 workloads in each, 15,000 in all, with the
# sizes, times and priorities of its baseline (test/performance/scheduler/configs/baseline/generator.yaml). A workload of n CPUs is
# a driver and n-1 executors of one CPU each (of one CPU: two halves), that start together. The ideal is all work over all CPUs.
# It is played as Kueue's file says, where higher priorities evict lower ones, whose work is lost; and once more with
# `preemption: Never`, which shows what is lost by anything else. The last line is JSON.
#
# With those priorities nobody reaches the ideal: a large one of 1 s comes to each queue each 1.2 s and has the whole of it. What
# is left is gaps of 0.2 s, which go to the medium ones by priority, who need 0.5 s and are evicted with nothing done. So
# mediums and smalls have all their work before them when the last large one has ended: that is the ideal by priority.
# `bench/kueue-scale.sh FILE [preemption]` writes the scenario to a file and plays nothing.
# shellcheck source-path=SCRIPTDIR
: "${PROFILE:=release}"
source "$(dirname "$0")/../k3d/lib.sh"

scenario() {
    awk -v preemption="${1:-LowerPriority}" 'BEGIN {
        print "{apiVersion: v1, kind: Node, metadata: {name: node, annotations: {onager.dev/simulated-count: \"30\"}}, status: {allocatable: {cpu: 20, memory: 256Gi, pods: 110}}}"
        split("small medium large", name, " "); split("350 100 50", count, " "); split("100 500 1200", every, " ")
        split("0.2 0.5 1", runs, " "); split("50 100 200", priority, " "); split("1 5 20", cpu, " ")
        for (w = 1; w <= 3; w++)
            printf "---\n{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: %s}, value: %d}\n", name[w], priority[w]
        for (cohort = 1; cohort <= 5; cohort++) {
            printf "---\n{apiVersion: onager.dev/v1alpha1, kind: Queue, metadata: {name: cohort-%d, namespace: bench}, spec: {capability: {cpu: 120}}}\n", cohort
            for (queue = 1; queue <= 6; queue++) {
                printf "---\n{apiVersion: onager.dev/v1alpha1, kind: Queue, metadata: {name: cq-%d-%d, namespace: bench}, spec: {parent: cohort-%d, guarantee: {cpu: 20}, capability: {cpu: 120}, preemption: %s}}\n", cohort, queue, cohort, preemption
                for (w = 1; w <= 3; w++)
                    for (n = 0; n < count[w]; n++) {
                        ms = n * every[w]
                        executors = cpu[w] > 1 ? cpu[w] - 1 : 1
                        request = cpu[w] > 1 ? "1000m" : "500m"
                        printf "---\n{apiVersion: onager.dev/v1alpha1, kind: SparkApplication, metadata: {name: %s-%d-%d-%d, namespace: bench, creationTimestamp: \"2026-01-01T00:%02d:%02d.%03dZ\", annotations: {onager.dev/simulated-duration: \"%s\"}}, spec: {type: SQL, mainApplicationFile: \"local:///a.sql\", queue: cq-%d-%d, batchSchedulerOptions: {priorityClassName: %s}, driver: {cores: 1, coreRequest: %s, memory: 512m}, executor: {instances: %d, cores: 1, coreRequest: %s, memory: 512m}}}\n", name[w], cohort, queue, n, ms / 60000, ms / 1000 % 60, ms % 1000, runs[w], cohort, queue, name[w], request, executors, request
                    }
            }
        }
    }'
}

if [ $# -gt 0 ]; then
    scenario "${2:-}" >"$1"
    exit
fi

play() {
    scenario "$1" >"$file"
    say "15,000 workloads in 30 queues, preemption $1"
    "$BINARIES/onager" simulate -o json "$file" | awk -v preemption="$1" '{
        match($0, /"at":[0-9.]+/); at = substr($0, RSTART + 5, RLENGTH - 5)
        match($0, /"event":"[a-z]+"/); event = substr($0, RSTART + 9, RLENGTH - 10)
        count[event]++
        if (event == "completed") last = at
    } END {
        small = 350 * 0.2 * 1; medium = 100 * 0.5 * 5; large = 50 * 1 * 20
        ideal = (small + medium + large) / 20
        by_priority = 49 * 1.2 + 1 + (small + medium) / 20
        printf "\"completed\":%d,\"evicted\":%d,\"ideal_s\":%.1f,\"makespan_s\":%.1f,\"ratio_to_ideal\":%.3f", count["completed"], count["evicted"], ideal, last, last / ideal
        if (preemption != "Never") printf ",\"ideal_by_priority_s\":%.1f,\"ratio_to_ideal_by_priority\":%.3f", by_priority, last / by_priority
    }'
}

cargo build --quiet --profile "$PROFILE" --workspace --bin onager
file=$(mktemp --suffix .yaml)
trap 'rm -f "$file"' EXIT
as_kueue=$(play LowerPriority)
without=$(play Never)
echo "{$as_kueue,\"without_preemption\":{$without}}"
