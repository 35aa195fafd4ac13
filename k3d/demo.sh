#!/usr/bin/env bash
# The demo: from a checkout to the results of the example teams on a cluster. Run again, it starts from what is there.
# Exit 0 only if every application completed with the result in examples/teams/*/expected/.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
cd "$REPO"
TIMEOUT=${TIMEOUT:-300}
# Eight CPUs in all: what the queues of the teams are made for.
export NODES=${NODES:-4} NODE_CPUS=${NODE_CPUS:-2}

# "team application" for each manifest of these teams; of all where none is named.
applications() {
    local team file
    for team in "${@:-*}"; do
        # shellcheck disable=SC2231 # a pattern
        for file in examples/teams/$team/*.yaml; do
            case $(basename "$file") in namespace.yaml | queue.yaml) continue ;; esac
            echo "$(basename "$(dirname "$file")") $(basename "$file" .yaml)"
        done
    done
}

prepare() {
    if [ "$(kind)" = native ]; then
        [ "$(id -u)" = 0 ] || fail "the native cluster makes network namespaces: run as root"
        install_packages
        use_tools etcd kubernetes coredns minio helm
    else
        use_kubectl
        use_tools helm
    fi
    cargo_build
    k3d/images.sh build
}

start_cluster() {
    say "cluster $CLUSTER ($(kind))"
    k3d/cluster.sh start
    KUBECONFIG=$(k3d/cluster.sh kubeconfig)
    export KUBECONFIG
    say "loading images"
    local archives
    mapfile -t archives < <(k3d/images.sh list)
    k3d/cluster.sh load "${archives[@]}"
}

install_operator() {
    say "helm: the operator"
    local team
    for team in examples/teams/*/ examples/platform/; do kubectl apply --filename "$team/namespace.yaml" >/dev/null; done
    # The tag stays the same from build to build, so the pod is told what it runs.
    local build
    build=$(sha256sum "$IMAGES/onager-operator.tar" | cut -c1-12)
    helm upgrade --install onager charts/onager --namespace onager-system --create-namespace \
        --values k3d/values-dev.yaml --set-string "podAnnotations.onager\.dev/build=$build" \
        --wait --timeout 120s >/dev/null || { operator_trouble; fail "the operator did not become ready"; }
    webhook_answers team-alpha
    for team in examples/teams/*/queue.yaml examples/platform/queue.yaml; do kubectl apply --filename "$team" >/dev/null; done
}

operator_trouble() {
    kubectl --namespace onager-system get pods --output wide || true
    kubectl --namespace onager-system get events --sort-by .lastTimestamp | tail -15 || true
    kubectl --namespace onager-system logs deployment/onager --tail 30 || true
}

make_data() {
    say "input data"
    kubectl --namespace onager-examples delete job data --ignore-not-found --wait >/dev/null 2>&1 || true
    kubectl apply --filename examples/data/job.yaml >/dev/null
    local state last='' line deadline=$((SECONDS + TIMEOUT))
    while true; do
        state=$(kubectl --namespace onager-examples get job data --output \
            'go-template={{range .status.conditions}}{{if eq .status "True"}}{{.type}} {{end}}{{end}}')
        line=$(kubectl --namespace onager-examples logs job/data --tail 1 2>/dev/null || true)
        if [ -n "$line" ] && [ "$line" != "$last" ]; then say "  data: ${line#*s  }"; last=$line; fi
        case $state in
            *Complete*) return ;;
            *Failed*) break ;;
        esac
        state=$(kubectl --namespace onager-examples get pods --selector job-name=data --output \
            'jsonpath={..state.waiting.reason}')
        case $state in *ErrImage* | *ImagePull* | *InvalidImage*) break ;; esac
        [ "$SECONDS" -lt "$deadline" ] || break
        sleep 1
    done
    kubectl --namespace onager-examples describe job data | tail -15
    kubectl --namespace onager-examples logs job/data --tail 20 || true
    fail "the data job did not complete"
}

# Those of an earlier demo go first, or they would be reported as done without having run.
clear_applications() {
    local team application files=()
    while read -r team application; do files+=(--filename "examples/teams/$team/$application.yaml"); done < <(applications)
    kubectl delete "${files[@]}" --ignore-not-found --wait >/dev/null
}

start_applications() { # "team application" lines
    local team application files=()
    while read -r team application; do files+=(--filename "examples/teams/$team/$application.yaml"); done
    kubectl apply "${files[@]}" >/dev/null
}

# Team theta has the cluster for itself and borrows; then team delta wants its part, and theta gives way.
share() {
    say "team-theta comes first: beyond the 4 CPUs that are its own it borrows what nobody else wants"
    printf 'theta %s\n' history forecast | start_applications
    until_uses theta 4500 "uses more than the 4 CPUs of its guarantee"
    "$BINARIES/onager" queues
    say "team-delta comes, and takes back what its queue guarantees"
    echo delta orders | start_applications
    until_uses delta 2000 "has what it wants of its guarantee, and queue-theta has given way"
    "$BINARIES/onager" queues
    say "with more, either would have more than its part: these wait"
    printf '%s\n' 'delta stock' 'theta audit' | start_applications
}

# Prints each change until a team's queue uses more than so many thousandths of a CPU.
until_uses() { # team thousandths words
    local used deadline=$((SECONDS + TIMEOUT))
    while true; do
        used=$(kubectl --namespace "team-$1" get queue "queue-$1" --output 'jsonpath={.status.used.cpu}')
        case $used in *m) used=${used%m} ;; *) used=$((${used:-0} * 1000)) ;; esac
        tell_changes
        if [ "$used" -gt "$2" ]; then say "  queue-$1 $3"; return; fi
        if states | grep -qE '^team-theta/history (COMPLETED|FAILED) '; then
            say "  team-theta's history was through before queue-$1 $3"
            return
        fi
        [ "$SECONDS" -lt "$deadline" ] || fail "queue-$1 never $3"
        sleep 0.5
    done
}

COLUMNS=NAMESPACE:.metadata.namespace,NAME:.metadata.name,STATE:.status.applicationState.state
COLUMNS+=,EXECUTORS:.status.executors.summary,DURATION:.status.duration,RESULT:.status.summary.result

# "namespace/name state executors" of the demo's applications; others on the cluster are none of its business.
states() {
    kubectl get sparkapplications --all-namespaces --no-headers --output "custom-columns=${COLUMNS%%,DURATION*}" |
        awk '{gsub("<none>", "-"); print $1 "/" $2, $3, $4}' |
        grep --fixed-strings --file <(applications | sed 's|^\(.*\) \(.*\)$|team-\1/\2 |')
}

# How the queues stand, a line each.
queues() {
    kubectl get queues --all-namespaces --output 'go-template={{range .items}}{{.metadata.name}}{{with .status}} uses {{with .used}}{{with .cpu}}{{.}}{{else}}0{{end}}{{else}}0{{end}} CPU{{with .borrowed}}{{with .cpu}}, borrows {{.}}{{end}}{{end}}; {{.admitted}} admitted, {{.queued}} waiting{{end}}{{"\n"}}{{end}}'
}

# Prints what has changed of states and queues since the last time.
TOLD=''
tell_changes() {
    local now line
    now=$(states; queues)
    while read -r line; do
        [ -z "$line" ] || say "  $line"
    done < <(grep -vxFf <(printf '%s\n' "$TOLD") <<<"$now" || true)
    TOLD=$now
}

# Prints each change of a state until all are final.
wait_for_applications() {
    local left deadline=$((SECONDS + TIMEOUT))
    while true; do
        tell_changes
        left=$(states | grep -vcE ' (COMPLETED|FAILED) ' || true)
        [ "$left" -gt 0 ] || return 0
        [ "$SECONDS" -lt "$deadline" ] || { say "not all are done after $TIMEOUT s"; return 0; }
        sleep 1
    done
}

# The result as the files in expected/ hold it: the line, then names of columns and rows.
RESULT='{{with .status}}{{with .summary}}{{with .result}}{{.}}{{"\n"}}{{end}}{{with .preview}}'
RESULT+='{{range $i, $c := .columns}}{{if $i}} | {{end}}{{$c}}{{end}}{{"\n"}}'
RESULT+='{{range .rows}}{{range $i, $c := .}}{{if $i}} | {{end}}{{$c}}{{end}}{{"\n"}}{{end}}{{end}}{{end}}{{end}}'

# Prints what is wrong with an application; silent when it is right.
check() { # team application
    local state
    state=$(kubectl --namespace "team-$1" get sparkapp "$2" --output 'jsonpath={.status.applicationState.state}')
    if [ "$state" != COMPLETED ]; then
        echo "team-$1/$2 is ${state:-new}"
        kubectl --namespace "team-$1" describe sparkapp "$2" | tail -40
        kubectl --namespace "team-$1" get pods --output wide
        kubectl --namespace "team-$1" logs "$2-driver" --tail 20 || true
        return
    fi
    local found
    found=$(kubectl --namespace "team-$1" get sparkapp "$2" --output "go-template=$RESULT")
    diff --unified "examples/teams/$1/expected/$2.txt" <(printf '%s\n' "$found") ||
        echo "team-$1/$2 completed with another result than expected (see above)"
}

report() {
    local team application wrong='' trouble
    echo
    kubectl get sparkapplications --all-namespaces --output "custom-columns=$COLUMNS"
    while read -r team application; do
        printf '\nteam-%s/%s\n' "$team" "$application"
        kubectl --namespace "team-$team" get sparkapp "$application" --output "go-template=$RESULT" | sed 's/^/  /'
    done < <(applications)
    while read -r team application; do
        trouble=$(check "$team" "$application" 2>&1)
        if [ -n "$trouble" ]; then
            printf '\n%s\n' "$trouble"
            wrong+=" team-$team/$application"
        fi
    done < <(applications)
    if [ -n "$wrong" ]; then
        echo
        kubectl --namespace onager-system logs deployment/onager --tail 20 || true
        fail "not as it should be:$wrong"
    fi
    cat <<EOF

All applications completed with the right result, $(elapsed) s after the start. To try next:
  k3d/cluster.sh shell
  kubectl -n team-alpha describe sparkapp tpch-report
  kubectl -n team-alpha logs tpch-report-driver
EOF
}

prepare
start_cluster
install_operator
make_data
clear_applications
say "applications of team-alpha and team-beta"
applications alpha beta | start_applications
wait_for_applications
share
wait_for_applications
report
