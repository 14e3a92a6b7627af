// Models that are folders: what an index may say, where names may lead, how shards are cut, and output folders and
// names that are refused.
#include <algorithm>
#include <numeric>
#include <random>

#include "model/checkpoint/model_writer.hpp"
#include "model/files/atomic_folder.hpp"
#include "model/files/model_folder.hpp"
#include "model/files/output_path.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/file_testing.hpp"

using namespace if4;
using namespace if4::testing;

namespace {

const std::string kIndex = "model.safetensors.index.json";

std::string index_of(const std::string& weight_map) {
  return R"({"metadata": {"total_size": 8}, "weight_map": {)" + weight_map + "}}";
}

// A folder with two shards, whose bytes are not looked at.
void put_shards(const TempDir& dir) {
  put(dir / "b.safetensors", "");
  put(dir / "a.safetensors", "");
}

}  // namespace

TEST_CASE("an index names the shards of a folder", "[folder]") {
  const TempDir dir;
  put_shards(dir);
  put(dir / "stray.safetensors", "");
  put(dir / kIndex, index_of(R"("x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors")"));
  const std::string folder = fs::path(dir / "a").parent_path().string();
  for (const std::string& path : {folder, folder + "/", dir / kIndex}) {
    CHECK(is_model_folder(path));
    const ModelFolder model = read_model_folder(path);
    CHECK(fs::equivalent(model.path, folder));
    REQUIRE(model.shards.size() == 2);
    CHECK(fs::equivalent(model.shards[0], dir / "a.safetensors"));
    CHECK(fs::equivalent(model.shards[1], dir / "b.safetensors"));
    CHECK(model.tensors == std::map<std::string, std::size_t>{{"x", 1}, {"y", 0}, {"z", 1}});
  }
  CHECK_FALSE(is_model_folder(dir / "a.safetensors"));
}

TEST_CASE("a folder without an index may hold one safetensors file", "[folder]") {
  const TempDir dir;
  const std::string folder = fs::path(dir / "a").parent_path().string();
  check_contains(error_of(folder, [&] { read_model_folder(folder); }), "no safetensors file");
  put(dir / "any.safetensors", "");
  put(dir / ".hidden.safetensors", "");
  CHECK(read_model_folder(folder).shards == std::vector<std::string>{dir / "any.safetensors"});
  put(dir / "other.safetensors", "");
  check_contains(error_of(folder, [&] { read_model_folder(folder); }), "2 safetensors files and no index");
  put(dir / kIndex, index_of(R"("x": "any.safetensors")"));
  put(dir / "other.safetensors.index.json", index_of(R"("x": "any.safetensors")"));
  check_contains(error_of(folder, [&] { read_model_folder(folder); }), "which index?");
}

TEST_CASE("a malformed index is refused", "[folder]") {
  const TempDir dir;
  put_shards(dir);
  const BadFile bad[] = {
      {"", "is not JSON"},
      {"{", "line 1 is not JSON"},
      {"[]", "is not a JSON object"},
      {"null", "is not a JSON object"},
      {std::string(100000, '['), "is not JSON"},
      {"{}", "weight_map is missing"},
      {R"({"weight_map": []})", "weight_map is not an object"},
      {index_of(""), "weight_map names no tensor"},
      {index_of(R"("x": 3)"), "'x' is not the name of a shard"},
      {index_of(R"("x": {"y": "a.safetensors"})"), "'x' is not the name of a shard"},
      {index_of(R"("x": "a.safetensors", "x": "b.safetensors")"), "'x' is there twice"},
      {index_of(R"("x": "c.safetensors")"), "shard 'c.safetensors' is not in the folder"},
      {index_of(R"("x": "")"), "shard '' is not in the folder"},
      {index_of(R"("x": "../a.safetensors")"), "'../a.safetensors'"},
      {index_of(R"("x": "a/../../a.safetensors")"), "shard"},
      {index_of(R"("x": "/etc/passwd")"), "shard '/etc/passwd' leads out of the folder"},
  };
  for (const BadFile& file : bad) {
    put(dir / kIndex, file.bytes);
    check_contains(error_of(dir / kIndex, [&] { read_model_folder(dir / kIndex); }), file.fragment);
  }
}

TEST_CASE("names of shards do not lead out of the folder", "[folder]") {
  const TempDir dir;
  fs::create_directories(dir / "model/inner");
  put(dir / "secret.safetensors", "");
  put(dir / "model/inner/a.safetensors", "");
  const std::string index = dir / ("model/" + kIndex);
  const auto refused = [&](const std::string& shard) {
    put(index, index_of("\"x\": \"" + shard + "\""));
    return error_of(index, [&] { read_model_folder(index); });
  };
  check_contains(refused("../secret.safetensors"), "leads out of the folder");
  check_contains(refused("inner/../../secret.safetensors"), "leads out of the folder");
  check_contains(refused(dir / "secret.safetensors"), "leads out of the folder");
  fs::create_symlink("../secret.safetensors", dir / "model/link.safetensors");
  check_contains(refused("link.safetensors"), "is a link that leads out of the folder");
  fs::create_symlink("..", dir / "model/up");
  check_contains(refused("up/secret.safetensors"), "is a link that leads out of the folder");
  fs::create_symlink("nowhere", dir / "model/dead.safetensors");
  check_contains(refused("dead.safetensors"), "is not in the folder");
  // What stays inside is fine.
  fs::create_symlink("inner/a.safetensors", dir / "model/near.safetensors");
  for (const char* shard : {"inner/a.safetensors", "near.safetensors", "./inner/a.safetensors"}) {
    put(index, index_of("\"x\": \"" + std::string(shard) + "\""));
    CHECK(read_model_folder(index).shards.size() == 1);
  }
}

TEST_CASE("the links of a cache of models are followed", "[folder]") {
  const TempDir dir;
  fs::create_directories(dir / "models--a--b/blobs");
  fs::create_directories(dir / "models--a--b/snapshots/1234");
  put(dir / "models--a--b/blobs/abcd", "");
  put(dir / "models--a--b/blobs/config", "{}");
  put(dir / "models--a--b/blobs/index", index_of(R"("x": "a.safetensors")"));
  const std::string snapshot = dir / "models--a--b/snapshots/1234";
  fs::create_symlink("../../blobs/abcd", snapshot + "/a.safetensors");
  fs::create_symlink("../../blobs/index", snapshot + "/" + kIndex);
  fs::create_symlink("../../blobs/config", snapshot + "/config.json");
  CHECK(read_model_folder(snapshot).shards == std::vector<std::string>{snapshot + "/a.safetensors"});
  CHECK(other_files(snapshot) == std::vector<std::string>{"config.json"});
}

TEST_CASE("other files of a folder", "[folder]") {
  const TempDir dir;
  put_shards(dir);
  const std::string folder = fs::path(dir / "a").parent_path().string();
  for (const char* name : {"config.json", "tokenizer.model", "merges.txt", "model.gguf", "pytorch_model.bin",
                           ".gitattributes", "model.safetensors.index.json"})
    put(dir / name, "");
  fs::create_directory(dir / "folder");
  CHECK(other_files(folder) == std::vector<std::string>{"config.json", "merges.txt", "tokenizer.model"});
  fs::create_symlink("/etc/hostname", dir / "link.json");
  check_contains(error_of(dir / "link.json", [&] { other_files(folder); }), "leads out of the folder");
}

TEST_CASE("shards are about of the same size", "[folder]") {
  std::mt19937_64 random(test_seed() + 941);
  for (int i = 0; i < 500; ++i) {
    std::vector<std::uint64_t> sizes(1 + random() % 60);
    for (std::uint64_t& size : sizes) size = random() % (i % 2 == 0 ? 100 : 10000);
    const std::uint64_t limit = 1 + random() % 20000;
    INFO("seed " << test_seed() << ", case " << i);
    const std::vector<std::size_t> shards = plan_shards(sizes, limit);
    REQUIRE(shards.size() == sizes.size());
    CHECK(shards[0] == 0);
    std::vector<std::uint64_t> totals(shards.back() + 1), counts(shards.back() + 1);
    for (std::size_t n = 0; n < sizes.size(); ++n) {
      if (n > 0) CHECK(shards[n] - shards[n - 1] <= 1);
      totals[shards[n]] += sizes[n];
      counts[shards[n]] += sizes[n] > 0 ? 1 : 0;
    }
    for (std::size_t s = 0; s < totals.size(); ++s) CHECK((totals[s] <= limit || counts[s] == 1));
  }
  // Small entries make shards that differ by less than one of them.
  const std::vector<std::size_t> even = plan_shards(std::vector<std::uint64_t>(1000, 10), 3000);
  for (std::size_t s = 0; s < 4; ++s) CHECK(std::count(even.begin(), even.end(), s) == 250);
  CHECK(plan_shards({}, 5).empty());
  CHECK(plan_shards({7, 7, 7}, 5) == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("an output folder appears whole or not at all", "[folder]") {
  const TempDir dir;
  {
    AtomicFolder folder(dir / "out/");
    put(folder / "x", "1");
    CHECK_FALSE(fs::exists(dir / "out"));
  }
  CHECK(dir.entries() == 0);
  {
    AtomicFolder folder(dir / "out");
    put(folder / "x", "1");
    folder.commit();
  }
  CHECK(get(dir / "out/x") == "1");
  CHECK(dir.entries() == 1);
  check_contains(error_of(dir / "out", [&] { AtomicFolder again(dir / "out"); }), "is not empty");
  check_contains(error_of(dir / "out/x", [&] { AtomicFolder file(dir / "out/x"); }), "Not a directory");
  check_contains(error_of(dir / "no/out", [&] { AtomicFolder none(dir / "no/out"); }), "No such file");
  // An empty one, and a link to one, are filled.
  fs::create_directory(dir / "empty");
  fs::create_symlink("empty", dir / "link");
  AtomicFolder filled(dir / "link");
  put(filled / "y", "2");
  filled.commit();
  CHECK(get(dir / "empty/y") == "2");
  CHECK(fs::is_symlink(dir / "link"));
}

TEST_CASE("an output that is the input is refused", "[folder]") {
  const TempDir dir;
  put(dir / "in.safetensors", "x");
  fs::create_symlink("in.safetensors", dir / "soft.safetensors");
  fs::create_hard_link(dir / "in.safetensors", dir / "hard.safetensors");
  fs::create_directories(dir / "model/inner");
  fs::create_symlink("model", dir / "link");
  const auto refused = [&](const std::string& output, const std::string& input) {
    return error_of(output, [&] { check_not_input(output, {dir / "other", input}); });
  };
  for (const char* name :
       {"in.safetensors", "soft.safetensors", "hard.safetensors", "model/../in.safetensors"}) {
    check_contains(refused(dir / name, dir / "in.safetensors"), "the output is the input");
    check_contains(refused(dir / "in.safetensors", dir / name), "the output is the input");
  }
  check_contains(refused(dir / "model", dir / "link"), "the output is the input");
  check_contains(refused(dir / "link/", dir / "model"), "the output is the input");
  check_contains(refused(dir / "link/new", dir / "model"), "is in the input folder");
  check_contains(refused(dir / "model", dir / "model/inner"), "holds the input");
  check_not_input(dir / "model2", {dir / "model"});
  check_not_input(dir / "out.safetensors", {dir / "in.safetensors"});
}

TEST_CASE("the name of a safetensors file says what it is", "[folder]") {
  for (const char* name : {"x.npy", "x.gguf", "x.json", "a/b.bin", "x.safetensors.tmp", "x.SAFETENSORS"})
    check_contains(error_of(name, [&] { check_safetensors_name(name); }), "must end in .safetensors");
  for (const char* name : {"x.safetensors", "x", "a.b/x", "/dev/stdout", "/dev/null"})
    check_safetensors_name(name);
}
