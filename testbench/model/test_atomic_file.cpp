// Outputs that appear complete or not at all.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "model/files/atomic_file.hpp"
#include "model/files/safetensors.hpp"
#include "model/files/tensor_file.hpp"
#include "testbench/support/file_testing.hpp"

using namespace if4::testing;
using if4::Tensor;

TEST_CASE("outputs appear complete or not at all", "[io]") {
  const TempDir dir;
  const std::string path = dir / "out.safetensors";
  const Tensor tensor{{1 << 20}, std::vector<float>(1 << 20, 1.0F)};
  const auto refuse = [&](const std::string& target, const std::string& fragment) {
    check_contains(error_of(target, [&] { if4::write_tensor(target, "w", tensor); }), fragment);
    check_contains(error_of(target, [&] { if4::write_text_file(target, "text"); }), fragment);
  };
  refuse("/dev/full", "/dev/full: cannot write: No space left on device");
  refuse(dir / "none/out", "cannot write: No such file or directory");
  put(dir / "file", "");
  refuse(dir / "file/out", "cannot write: Not a directory");
  fs::create_directory(dir / "d");
  refuse(dir / "d", "cannot write: Is a directory");
  refuse(dir / std::string(300, 'n'), "cannot write: File name too long");
  CHECK(dir.entries() == 2);

  { if4::AtomicFile(path).write("abandoned"); }
  CHECK(dir.entries() == 2);
  if4::write_text_file(path, "old");
  {
    if4::AtomicFile file(path);
    file.write("new");
    CHECK(get(path) == "old");
    file.commit();
  }
  CHECK(get(path) == "new");

  // The disk fills up in the middle.
  struct rlimit limit {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  struct rlimit small = limit;
  small.rlim_cur = 1 << 20;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message = error_of(path, [&] { if4::write_tensor(path, "w", tensor); });
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  check_contains(message, "cannot write: File too large");
  CHECK(get(path) == "new");
  CHECK(dir.entries() == 3);
}

TEST_CASE("outputs keep links, modes and special files", "[io]") {
  const TempDir dir;
  if4::write_text_file(dir / "target", "old");
  REQUIRE(::chmod((dir / "target").c_str(), 0640) == 0);
  fs::create_symlink("target", dir / "link");
  if4::write_text_file(dir / "link", "new");
  CHECK(fs::is_symlink(dir / "link"));
  CHECK(get(dir / "target") == "new");
  struct stat status {};
  REQUIRE(::stat((dir / "target").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0640U);

  if4::write_text_file("/dev/null", "gone");
  CHECK(fs::is_character_file("/dev/null"));
  // A descriptor of the process is written where it stands, even in a regular file.
  const int log = ::open((dir / "log").c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(log >= 0);
  REQUIRE(::write(log, "one ", 4) == 4);
  if4::write_text_file("/dev/fd/" + std::to_string(log), "two ");
  if4::write_text_file("/proc/self/fd/" + std::to_string(log), "three");
  ::close(log);
  CHECK(get(dir / "log") == "one two three");
  const std::string closed = "/dev/fd/" + std::to_string(log);
  check_contains(error_of(closed, [&] { if4::write_text_file(closed, ""); }),
                 "cannot write: Bad file descriptor");
  // Open at both ends, so that the writer need not wait.
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const int reader = ::open((dir / "fifo").c_str(), O_RDWR | O_NONBLOCK);
  REQUIRE(reader >= 0);
  if4::write_text_file(dir / "fifo", "through");
  char text[16] = {};
  CHECK(::read(reader, text, sizeof text) == 7);
  ::close(reader);
  CHECK(std::string(text) == "through");
  CHECK(fs::is_fifo(dir / "fifo"));
  CHECK(dir.entries() == 4);
}
