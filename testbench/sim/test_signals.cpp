// What a signal leaves of the program if4: it ends at once, as the signal ends it, and no file is half written.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "model/files/safetensors.hpp"
#include "testbench/support/program_testing.hpp"

using namespace if4::testing;

namespace {

// A pipe that is full: a program waits for ever when it prints its report to it, so that a signal meets it.
class FullPipe {
 public:
  explicit FullPipe(const std::string& path) : path_(path) {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(descriptor_ >= 0);
    const std::string page(4096, ' ');
    while (::write(descriptor_, page.data(), page.size()) > 0) {
    }
  }
  ~FullPipe() { ::close(descriptor_); }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_;
};

// Files of a matrix, plain and quantized, and of vectors.
struct Files {
  Files() {
    const std::vector<float> values(256 * 256, 1.5F);
    if4::write_safetensors(plain, {{"w", if4::DType::kF32, {256, 256}, values.data(), values.size() * 4}},
                           {});
    box.output({"quantize", plain, "-o", quantized});
    box.output({"vectors", "--random", "50", "-o", vectors});
  }
  // All commands that write, and where to.
  std::vector<Args> writing() const {
    return {{"quantize", plain, "-o", box / "out.safetensors"},
            {"dequantize", quantized, "-o", box / "out.safetensors"},
            {"compare", plain, "--svg", box / "out.svg"},
            {"vectors", "--plan", "-o", box / "out.txt"},
            {"vectors", "--random", "1000", "--memh", box / "out.memh"},
            {"vectors", "--acts", plain + ":w", "--weights", plain + ":w", "-o", box / "out.txt"},
            {"cosim", "--acts", plain + ":w", "--weights", plain + ":w", "--json", box / "out.json"},
            {"cosim", "--acts", plain + ":w", "--weights", plain + ":w", "--wave", box / "out.fst"},
            {"array", "--gemm", "64,64,256", "--csv", box / "out.csv", "--json", box / "out.json", "--svg",
             box / "out.svg", "--trace", box / "out.trace"},
            {"array", "--gemm", "64,64,256", "--engine", "systemc-rtl", "--wave", box / "out.fst"}};
  }
  std::vector<Args> all() const {
    std::vector<Args> commands = writing();
    commands.push_back({"inspect", quantized});
    commands.push_back({"replay", vectors});
    return commands;
  }

  Sandbox box;
  std::string plain = box / "plain.safetensors", quantized = box / "quantized.safetensors";
  std::string vectors = box / "vectors.txt";
};

std::string line_of(const Args& args) {
  std::string line = "if4";
  for (const std::string& arg : args) line += " " + arg;
  return line;
}

std::size_t threads_of(pid_t process) {
  std::error_code gone;
  std::size_t count = 0;
  for (fs::directory_iterator it("/proc/" + std::to_string(process) + "/task", gone), end; it != end; ++it)
    ++count;
  return count;
}

}  // namespace

TEST_CASE("every command ends at once by a signal and leaves no temporary file", "[cli]") {
  const Files files;
  const TempDir pipes;
  const FullPipe full(pipes / "full");
  for (const Args& args : files.all()) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU}) {
      INFO(line_of(args) << ", signal " << signal);
      const pid_t child = start_program(Sandbox::program(), args, full.path(), "/dev/null");
      // One of its threads waits for signals.
      while (threads_of(child) < 2) ::usleep(100);
      REQUIRE(::kill(child, signal) == 0);
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      REQUIRE(WIFSIGNALED(status));
      CHECK(WTERMSIG(status) == signal);
      // It may have been done but for its report.
      for (const std::string& name : files.box.names()) CHECK(name.find(".if4-") == std::string::npos);
    }
  }
}

TEST_CASE("interrupted vectors and waveforms leave nothing behind", "[cli]") {
  const Files files;
  const Sandbox box;
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  // Long enough that nothing else ends them.
  check_interrupted(box, {"vectors", "--count", "1000000000", "-o", box / "v.txt"}, signal);
  const std::string rows = "testbench/data/use_lite_attention.safetensors:embedding.weight";
  check_interrupted(box,
                    {"cosim", "--acts", rows, "--weights", rows, "--stall-out", "99", "--wave", box / "w.fst",
                     "--wave-cycles", "1000000000"},
                    signal);
}

TEST_CASE("a signal that was ignored before stays ignored", "[cli]") {
  const Sandbox box;
  const std::string program = Sandbox::program();
  const pid_t child = start_program(
      "/bin/sh", {"-c", "trap '' HUP; exec \"$0\" vectors --count 1000000000 -o \"$1\"", program, box / "v"},
      "/dev/null", "/dev/null");
  int status = 0;
  while (box.names().empty() && ::waitpid(child, &status, WNOHANG) == 0) ::usleep(200);
  REQUIRE(::kill(child, SIGHUP) == 0);
  REQUIRE(::kill(child, SIGTERM) == 0);
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
  CHECK(box.names().empty());
}

TEST_CASE("a reader that goes away ends the program silently", "[cli]") {
  const Files files;
  const TempDir folder;
  // More than a pipe holds, so that the program is still writing when nobody reads any more.
  for (const Args& args : {Args{"vectors", "--count", "5000", "-o", "/dev/stdout"},
                           Args{"vectors", "--count", "5000", "-o", "/dev/fd/1"}}) {
    const std::string pipe = folder / "pipe", err = folder / "err";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader >= 0);
    const pid_t child = start_program(Sandbox::program(), args, pipe, err);
    ::close(reader);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    INFO(line_of(args) << "\nstderr: " << get(err));
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGPIPE);
    CHECK(get(err).empty());
    REQUIRE(::unlink(pipe.c_str()) == 0);
  }
}

TEST_CASE("an input that is cut off while it is read is an error of one line", "[cli]") {
  // A sanitizer would take the signal for itself.
  REQUIRE(::setenv("ASAN_OPTIONS", "handle_sigbus=0", 0) == 0);
  const Sandbox box;
  const TempDir prints;
  // Long enough that the cut meets the work.
  const std::string in = box / "in.safetensors";
  const std::vector<float> values(std::size_t{1} << 24, 1.5F);
  if4::write_safetensors(in, {{"w", if4::DType::kF32, {4096, 4096}, values.data(), values.size() * 4}}, {});
  const auto before = box.names();
  const Args args = {"quantize", in, "-o", box / "out.safetensors", "--search", "--threads", "1"};
  const pid_t child = start_program(Sandbox::program(), args, "/dev/null", prints / "err");
  // The input is open, and its size checked, when the temporary file is there.
  int status = 0;
  while (box.names() == before && ::waitpid(child, &status, WNOHANG) == 0) ::usleep(200);
  REQUIRE(::truncate(in.c_str(), 4096) == 0);
  REQUIRE(::waitpid(child, &status, 0) == child);
  const std::string err = get(prints / "err");
  INFO("status " << status << ", stderr: " << err);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 2);
  CHECK(err.rfind("if4: ", 0) == 0);
  CHECK(std::count(err.begin(), err.end(), '\n') == 1);
  CHECK(box.names() == before);
}

TEST_CASE("a limit of the size of files is an error of one line, and nothing is left", "[cli]") {
  const Files files;
  const auto before = files.box.names();
  struct rlimit limit {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  struct rlimit small = limit;
  small.rlim_cur = 512;
  for (const Args& args : files.writing()) {
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const Run run = files.box.run(args, "/dev/null");
    ::setrlimit(RLIMIT_FSIZE, &limit);
    INFO(line_of(args) << "\nstderr: " << run.err);
    CHECK(run.code == 2);
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    check_contains(run.err, files.box / "out.");
    check_contains(run.err, "cannot write: ");
    CHECK(files.box.names() == before);
  }
}
