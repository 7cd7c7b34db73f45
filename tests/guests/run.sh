# Second script of the guest, still PID 1: runs the command and reports on the port (fd 3).
# guest_nonce is a word of the kernel's command line, which the kernel makes a variable.
box=/run/guest/busybox

# The host says one line when it has read all, and closes the port if it dies: both end the guest.
# Powering off sooner would drop what it has not read yet. A suspend that fails half-way closes the
# port too, for a moment: where devices suspend side by side, as in 7.3, before the one that fails.
(
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		read -r word <&3 && break
		$box sleep 1
	done
	$box poweroff -f
) &
reader=$!

# The port can be opened only once, so a command that opens /dev/stdout again would fail on it:
# it gets a pipe instead, which this shell holds open so that the pump never sees an end.
$box mkfifo /run/guest/output
$box cat /run/guest/output >&3 &
exec 4> /run/guest/output

printf '\000%s ready\n' "$guest_nonce" >&4
$box setsid /bin/sh /run/guest/command < /dev/null >&4 2>&1 3>&- 4>&-
code=$?

# Through the same pipe, so after all the output. A command that killed everything it could
# killed the pump and its own output with it: then straight to the port.
end="$guest_nonce exit $code"
printf '\000%s\n' "$end" >&4 || printf '\000%s\n' "$end" >&3

# Only if the command killed the reader does this shell read in its place: 5.10's driver does not
# bear two readers of a port (a NULL dereference in fill_readbuf, once in some tens of boots).
wait "$reader"
read -r -t 30 word <&3
$box poweroff -f
