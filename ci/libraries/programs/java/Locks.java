import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

/** Locks a file of its own with FileChannel.tryLock; the file stays. */
public class Locks {
    public static void main(String[] args) throws Exception {
        FileChannel channel = FileChannel.open(Path.of(args[0] + ".lock"), CREATE, WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
            System.err.println("already running");
            System.exit(1);
        }
        Path file = Path.of(args[0]);
        Files.writeString(file, ProcessHandle.current().pid() + "\n");
        while (System.in.read() >= 0) {
        }
        Files.delete(file);
        lock.release();
    }
}
