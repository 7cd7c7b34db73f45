#!/bin/bash
# Does the image trace on this kernel? Signals are sent in a privileged container, and each is found.
#
#   sudo ENGINE=podman IMAGE=pysigsnoop ./smoke-test.sh      (ENGINE is docker if not said)
#
# Copy it into your own CI; it needs the image, bash, and tracefs on the machine.
set -euo pipefail
engine=${ENGINE:-docker}
image=${IMAGE:-pysigsnoop}
sent=7
name=pysigsnoop-smoke-$$
work=$(mktemp -d)
trap '$engine rm --force "$name" >"$work/removed" 2>&1 || true; rm -r "$work"' EXIT

fail() {
	echo "smoke test: $1" >&2
	cat "$work/said" "$work/events" >&2
	exit 1
}

$engine run --name "$name" --privileged --network none \
	-v /sys/kernel/tracing:/sys/kernel/tracing \
	"$image" -j -s CONT,WINCH >"$work/events" 2>"$work/said" &
tracer=$!

# Tracing has begun once it tells of a signal; nobody minds these two signals.
for _ in $(seq 120); do
	kill -0 $tracer 2>/dev/null || fail "the tracer ended"
	$engine exec "$name" bash -c 'kill -WINCH $$' 2>/dev/null || sleep 0.5
	[ ! -s "$work/events" ] || break
done
[ -s "$work/events" ] || fail "no signal was told"

sender=$($engine exec "$name" bash -c "echo \$\$; for _ in \$(seq $sent); do kill -CONT \$\$; done")
$engine kill --signal TERM "$name" >"$work/killed"
wait $tracer || fail "the tracer's exit status is $?"

# The sender's pid is the container's, as the sender itself knows it.
found=$(grep -c "\"signal\": \"SIGCONT\".*\"sender\": {\"pid\": $sender,.*\"target_arg\": $sender,.*\"ret\": 0," \
	"$work/events") || true
[ "$found" = $sent ] || fail "$found of $sent signals were told"
grep -q ' received, 0 lost$' "$work/said" || fail "some were lost"
echo "smoke test: $found passed, 0 failed"
