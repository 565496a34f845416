// An import of a file as large as CH-SIMS's never holds its features in memory.

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <new>
#include <string>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/table_import.h"
#include "kuda/data/test_data.h"
#include "kuda/io/pickle/test_pickle.h"
#include "kuda/io/safetensors_layout.h"

namespace kuda {
namespace {

using test::scratch;

constexpr std::array<std::size_t, 3> kClips{1368, 456, 457};  // CH-SIMS: 2281 clips
constexpr std::int64_t kLongest = 55, kWidth = 709;           // its vision features
constexpr std::int64_t kMayGrow = 64 << 20;                   // bytes; "a few dozen megabytes" (docs/data-formats.md)

/// Bytes of /proc/self/status: "VmSize", "VmRSS", "VmHWM" (its peak), "VmData" (what no file stands behind).
std::int64_t bytes_in_use(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(what + ":")) return std::stoll(line.substr(what.size() + 1)) * 1024;
  return -1;
}

/// How a process fares that does `action` where it may take only kMayGrow more: "done", or why not. RLIMIT_DATA counts
/// what no file stands behind (a mapped file needs no memory that the system could not take back); how many pages of
/// files were kept meanwhile is seen in the peak of the resident set.
std::string under_the_limit(const std::function<void()>& action) {
  const auto report = scratch("report");
  const pid_t child = ::fork();
  if (child == 0) {
    torch::set_num_threads(1);  // the threads of the parent are not here
    std::string outcome = "done";
    const auto resident = bytes_in_use("VmRSS");
    rlimit limit{};
    ::getrlimit(RLIMIT_DATA, &limit);
    limit.rlim_cur = rlim_t(bytes_in_use("VmData") + kMayGrow);
    try {
      if (::setrlimit(RLIMIT_DATA, &limit) != 0) throw Error("no limit could be set");
      action();
      if (bytes_in_use("VmHWM") > resident + 2 * kMayGrow) outcome = "kept the pages of files";
    } catch (const std::bad_alloc&) {
      outcome = "out of memory";
    } catch (const std::exception& error) {
      outcome = std::string(error.what()).find("allocate memory") != std::string::npos ? "out of memory" : error.what();
    }
    std::ofstream(report) << outcome << std::flush;
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? read_file(report) : "killed";
}

class ImportMemory : public testing::Test {
 protected:
  void SetUp() override {
    if (bytes_in_use("VmSize") > std::int64_t{1} << 40)
      GTEST_SKIP() << "the address sanitizer reserves terabytes, and a limit means nothing";
  }
};

/// A pickle of protocol 4 whose arrays are holes in the file: as large as it says, and almost nothing on the disk.
class SparsePickle {
 public:
  explicit SparsePickle(const std::filesystem::path& path) : file_(path, std::ios::binary) { raw("\x80\x04}("); }
  void raw(const std::string& opcodes) { file_ << opcodes; }
  void key(const std::string& name) { raw(test::unicode(name)); }
  void zeros(const std::string& name, const std::vector<std::int64_t>& shape) {
    begin_array(name, shape, "f4");
    std::int64_t bytes = 4;
    for (const auto length : shape) bytes *= length;
    raw("\x8e" + test::little_endian(std::uint64_t(bytes), 8));
    file_.seekp(bytes, std::ios::cur);
    raw("tb");
  }
  void bytes(const std::string& name, const std::vector<std::int64_t>& shape, const std::string& values) {
    begin_array(name, shape, "u1");
    raw(test::binbytes(values) + "tb");
  }
  void finish() {
    raw("u.");
    file_.flush();
    ASSERT_TRUE(file_.good());
  }

 private:
  void begin_array(const std::string& name, const std::vector<std::int64_t>& shape, const std::string& type) {
    key(name);
    raw(test::global("numpy.core.multiarray", "_reconstruct") + test::global("numpy", "ndarray") +
        test::raw("K\0\x85") + test::binbytes("b") + "\x87R(K\x01(");
    for (const auto length : shape) raw(test::long1(length));
    raw("t" + test::dtype(type, '<') + "\x89");
  }
  std::ofstream file_;
};

std::string id_of(std::size_t row) { return "video_" + std::to_string(10000 + row) + "$_$0001"; }

/// text [N, 39, 768], vision [N, 55, 709] and audio [N, 400, 33] float32, 750 MB; about half of the frames count.
void write_large_pickle(const std::filesystem::path& path) {
  SparsePickle pickle(path);
  std::size_t row = 0;
  for (const Split split : kSplits) {
    const std::size_t clips = kClips[std::size_t(split)];
    const auto n = std::int64_t(clips);
    pickle.key(std::string(split_name(split)));
    pickle.raw("}(");
    pickle.key("id");
    pickle.raw("(");
    for (std::size_t i = 0; i < clips; ++i) pickle.raw(test::unicode(id_of(row++)));
    pickle.raw("l");
    std::string tokens;
    for (std::size_t i = 0; i < clips; ++i)
      tokens += std::string(39, 'a') + std::string(20, '\1') + std::string(19 + 39, '\0');
    pickle.bytes("text_bert", {n, 3, 39}, tokens);
    pickle.zeros("text", {n, 39, 768});
    pickle.zeros("vision", {n, kLongest, kWidth});
    pickle.zeros("audio", {n, 400, 33});
    pickle.bytes("vision_lengths", {n}, std::string(clips, char(30)));
    pickle.bytes("audio_lengths", {n}, std::string(clips, char(200)));
    pickle.zeros("regression_labels", {n});
    pickle.raw("u");
  }
  pickle.finish();
}

TEST_F(ImportMemory, AFeatureFileGoesToItsFolderWithoutBeingHeld) {
  const test::CaughtLog quiet;
  const auto source = scratch("sims.pkl");
  write_large_pickle(source);
  ASSERT_GT(std::filesystem::file_size(source), 700'000'000U);
  EXPECT_EQ(under_the_limit([&] { write_prepared(scratch("held"), read_mmsa(source)); }), "out of memory")
      << "the limit must be one that features in memory break";
  ASSERT_EQ(under_the_limit([&] { import_mmsa(source, scratch("set")); }), "done");
  const Dataset sims = read_prepared(scratch("set"));
  EXPECT_EQ(sims.name, "sims") << "by its split sizes";
  EXPECT_EQ(sims.text_features->values.size(0), 2281 * 20);
  EXPECT_EQ(sims.vision->values.size(0), 2281 * 30);
  EXPECT_EQ(sims.audio->values.size(0), 2281 * 200);
}

TEST_F(ImportMemory, FramesThatStayInTheFileAreNeverHeld) {
  const test::CaughtLog quiet;
  const auto source = scratch("sims.pkl");
  write_large_pickle(source);
  std::int64_t frames = 0;
  const auto read_all = [&] {
    auto sims = open_on_demand(source);
    for (const Modality modality : kModalities)
      for (std::int64_t row = 0; row < 2281; ++row) frames += sims.feature(modality)->clip(row).size(0);
    read_whole(sims);
    if (frames != 2281 * (20 + 30 + 200) || sims.fingerprint.size() != 64) throw Error("not everything was read");
  };
  EXPECT_EQ(under_the_limit([&] { (void)open_dataset(source); }), "out of memory");
  EXPECT_EQ(under_the_limit(read_all), "done");
}

TEST_F(ImportMemory, TheArraysOfATableGoToTheirFolderWithoutBeingHeld) {
  TableSources sources;
  sources.labels = scratch("label.csv");
  std::string table = "video_id,clip_id,text,label,mode\n";
  for (std::size_t row = 0; row < 2281; ++row) table += std::to_string(row) + ",0001,a,0.5,train\n";
  write_file(sources.labels, table);
  const auto arrays = sources.feature.vision = scratch("vision.safetensors");
  const io::SafetensorsLayout layout(
      arrays, {{"vision", {io::DType::f32, {2281, kLongest, kWidth}}}, {"vision_lengths", {io::DType::u8, {2281}}}});
  std::ofstream file(arrays, std::ios::binary);
  file << layout.header();
  file.seekp(std::streamoff(layout.offset("vision_lengths")));  // the features are a hole
  file << std::string(2281, char(30)) << std::flush;
  ASSERT_EQ(std::filesystem::file_size(arrays), layout.size());
  ASSERT_EQ(under_the_limit([&] { import_table(sources, scratch("set")); }), "done");
  EXPECT_EQ(read_prepared(scratch("set")).vision->values.size(0), 2281 * 30);
}

}  // namespace
}  // namespace kuda
