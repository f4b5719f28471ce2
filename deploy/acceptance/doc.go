// Command acceptance pulls the plug of a box, over and over, and looks whether
// the box has kept its word.
//
//	go run ./deploy/acceptance -rounds 20
//
// # The box
//
// A virtual ARM64 machine (qemu, in software) runs Debian's own kernel and the
// gateway as it is built for such a box, started with "gateway run --config".
// Its data is on a virtual disk with ext4 or f2fs, by turns. Outside, on this
// machine, are what stays when its power goes: devices that tell one event
// after the other, each over MQTT until its PUBACK, and remember which were
// acknowledged; a platform that takes the statistics; a caregiver's telephone.
//
// # The cut
//
// First the disk goes dead, then qemu is killed with SIGKILL. The disk (package
// disk) is a server of our own with a volatile write cache: what was written
// and not flushed is lost, torn or kept, by chance and whatever its order was.
// The cut comes at any time under load; with a FLUSH, before or after it has
// taken effect; between the writes of a commit; while the kernel mounts the
// file system or the gateway opens its files; while the journal begins a new
// file. A disk serves for a few cuts, so that the very first start is cut, too.
//
// # What must be true after each boot
//
//   - The kernel mounts the file system and complains of nothing.
//   - Every bbolt file passes "bbolt check", before anything has opened it.
//   - Every event that was acknowledged before is in the journal, once; no
//     sequence is missing, and none holds anything else than before. The
//     daemon itself is asked, over its control socket.
//   - A call for help that nobody had answered is repeated, one that was
//     closed stays closed, a new press reaches the telephone.
//   - New rows reach the platform.
//
// And before a disk is thrown away: the whole journal is read once more, and
// the platform's books come to what the devices have told, to the parcel.
//
// # The control
//
// A proof that cannot fail proves nothing. So the run begins with a disk that
// lies: it answers every FLUSH and does none. The events acknowledged on it
// must be found to be lost, or the run fails; it fails, too, if no cut in all
// its rounds has cost a write.
//
// # Pins
//
//	go run ./deploy/acceptance -pins -rounds 6
//
// drives what is wired to a box: a chip that the kernel itself simulates
// (gpio-sim, built for Debian's kernel by the script fetch-pins), pulled at and
// looked at from outside of the gateway by the program lines. A pull-cord until
// the siren sounds, without network and broker too; bursts of edges, also while
// nobody reads; a line that somebody else holds; a chip that goes away; a cord
// that is pulled while the gateway is not there; a strike; a button on the
// machine's own controller, a PL061, by its interrupt; and what the kernel
// has done to its lines while the gateway was ended and killed. The control: a
// cord that is wired the wrong way round must be found out.
//
// # Memory
//
//	go run ./deploy/acceptance -load -rounds 20
//
// lets 500 devices of every kind and make speak to the box for so many seconds,
// by the command "gateway simulate" of this machine through the box's forwarded
// ports. What was acknowledged is counted again in the box's journal, and the
// box's own kernel says what the gateway takes of its memory (RssAnon and VmRSS
// of /proc/PID/status, twice a second): the program for ARM64, and no emulator.
// With -rate 2 each says something twice a second, which is as much as the box
// acknowledges; 2,100 seconds of it are an hour's worth.
//
// # What it needs
//
// Root is not needed, Debian is: kernel and busybox come from its archive for
// arm64 (the script fetch), without touching what is installed, and are kept
// in $XDG_CACHE_HOME/linli-acceptance. qemu, mkfs.ext4 and mkfs.f2fs are
// installed by "make deps". Everything listens on 127.0.0.1 only.
package main
