#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <set>
#include <thread>

#include "kuda/base/child_process.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/interruption.h"
#include "kuda/base/json_number.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/base/random.h"
#include "kuda/base/table.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

TEST(AtomicFile, LeavesTheOldFileUnlessCommitted) {
  const auto path = test::scratch_folder("atomic") / "result.txt";
  write_file(path, "old");
  {
    AtomicFile file(path);
    file.write("half of the new");
  }
  EXPECT_EQ(read_file(path), "old");
  write_file(path, "new");
  EXPECT_EQ(read_file(path), "new");
  const auto entries = std::filesystem::directory_iterator(path.parent_path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "a temporary file was left behind";
}

TEST(AtomicFile, NamesTheFileItCannotWrite) {
  try {
    write_file("/nonexistent-folder/x", "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent-folder/x"), std::string::npos);
  }
}

TEST(AtomicFile, AFileOverTheLimitOfTheProcessIsNamedWithTheLimit) {
  const auto path = test::scratch_folder("limit") / "x";
  const auto before = std::signal(SIGXFSZ, SIG_IGN);  // as the program does; else the signal ends it
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{1000, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto message = test::error_of<Error>([&] { write_file(path, std::string(5000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &limit);
  (void)std::signal(SIGXFSZ, before);
  EXPECT_NE(message.find(path.string() + ": writing failed: File too large"), std::string::npos) << message;
  EXPECT_NE(message.find("ulimit -f"), std::string::npos) << message;
}

TEST(AtomicFile, APipeIsWrittenAsItStands) {
  const auto path = test::scratch_folder("pipe") / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  write_file(path, "text");
  std::string text(10, ' ');
  text.resize(std::size_t(std::max<ssize_t>(0, read(reader, text.data(), text.size()))));
  close(reader);
  EXPECT_EQ(text, "text");
  EXPECT_TRUE(std::filesystem::is_fifo(path)) << "a file was put in its place";
}

TEST(Folders, AreMadeWithTheReasonWhereTheyCannotBe) {
  const auto folder = test::scratch_folder("folders");
  make_folder(folder / "a" / "b");
  make_folder(folder / "a" / "b");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a" / "b"));
  write_file(folder / "file", "");
  for (const char* name : {"file", "file/below"})
    EXPECT_NE(
        test::error_of<Error>([&] { make_folder(folder / name); }).find(name + std::string(": this folder cannot be")),
        std::string::npos);
}

TEST(FileLocks, AreWaitedForAndAFileThatItsHolderRemovedIsMadeAnew) {
  const auto folder = test::scratch_folder("lock");
  auto held = FileLock::wait_for(folder / "x");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    held.reset();  // a copy of its descriptor, which holds it too
    const auto lock = FileLock::wait_for(folder / "x");
    ::_exit(std::filesystem::exists(folder / "x") && !FileLock::try_to_lock(folder / "x") ? 0 : 1);
  }
  ::usleep(50'000);
  EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), 0) << "it waits";
  std::filesystem::remove(folder / "x");
  held.reset();
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "what it holds is the file that is there";
}

TEST(FileLocks, KeepOthersOutAndGoOnInAChildThatHasTheFileAsItsOutput) {
  const auto folder = test::scratch_folder("locks");
  write_file(folder / "log", "before\n");
  auto lock = FileLock::try_to_lock(folder / "log");
  ASSERT_TRUE(lock);
  EXPECT_FALSE(FileLock::try_to_lock(folder / "log"));
  ASSERT_EQ(mkfifo((folder / "go").c_str(), 0600), 0);
  const auto child =
      start_process({"sh", "-c", "echo first; read line < '" + (folder / "go").string() + "'; echo $line"},
                    {.output_descriptor = lock->descriptor()});
  ASSERT_TRUE(child);
  lock.reset();
  EXPECT_FALSE(FileLock::try_to_lock(folder / "log")) << "its child works on";
  write_file(folder / "go", "last\n");  // waits for the child to read
  EXPECT_EQ(wait_for(*child), 0);
  EXPECT_TRUE(FileLock::try_to_lock(folder / "log"));
  EXPECT_EQ(read_file(folder / "log"), "before\nfirst\nlast\n");
  EXPECT_NE(test::error_of<Error>([&] { (void)FileLock::try_to_lock(folder / "absent" / "x"); }).find("absent/x"),
            std::string::npos);
}

TEST(MappedFile, RefusesFoldersAndMissingFiles) {
  EXPECT_THROW(MappedFile::open(test::scratch_folder("map")), FormatError);
  EXPECT_THROW(MappedFile::open("/nonexistent"), FormatError);
}

TEST(MappedFile, MapsAnEmptyFileAsNoBytes) {
  const auto path = test::scratch_folder("empty") / "empty";
  std::ofstream(path).close();
  EXPECT_TRUE(MappedFile::open(path)->bytes().empty());
}

/// Whether each page of a mapping is in the memory of this process (bit 63 of its entry in pagemap).
std::vector<bool> pages_of(const MappedFile& file, std::size_t page) {
  std::vector<std::uint64_t> entries(file.bytes().size() / page);
  const auto first = reinterpret_cast<std::uintptr_t>(file.bytes().data()) / page * sizeof(std::uint64_t);
  const int map = ::open("/proc/self/pagemap", O_RDONLY);
  const auto size = entries.size() * sizeof(std::uint64_t);
  EXPECT_EQ(::pread(map, entries.data(), size, off_t(first)), ssize_t(size));
  ::close(map);
  std::vector<bool> present;
  for (const auto entry : entries) present.push_back((entry >> 63U) != 0);
  return present;
}

TEST(MappedFile, GivesBackPagesThatAreDoneWithAndKeepsTheirBytes) {
  const auto page = std::size_t(::sysconf(_SC_PAGESIZE));
  const auto file = MappedFile::create(test::scratch("mapped"), 8 * page);
  std::fill_n(file->writable(), 8 * page, std::byte{7});
  ASSERT_EQ(pages_of(*file, page), std::vector<bool>(8, true));
  const auto* bytes = file->bytes().data();
  file->give_back(bytes + 2 * page + 100, bytes + 5 * page + 100);
  EXPECT_EQ(pages_of(*file, page), (std::vector<bool>{true, true, false, false, false, true, true, true}));
  EXPECT_TRUE(std::all_of(bytes, bytes + 8 * page, [](std::byte byte) { return byte == std::byte{7}; }));
  file->sync();
  EXPECT_EQ(read_file(file->path()), std::string(8 * page, '\7'));

  const auto opened = MappedFile::open(file->path());
  const auto sum = [&] {
    return std::accumulate(opened->bytes().begin(), opened->bytes().end(), 0U,
                           [](unsigned all, std::byte byte) { return all + unsigned(byte); });
  };
  EXPECT_EQ(sum(), 7 * 8 * page);
  const std::vector<std::byte> elsewhere(page * 4);
  opened->give_back(elsewhere.data(), elsewhere.data() + elsewhere.size());
  EXPECT_EQ(pages_of(*opened, page), std::vector<bool>(8, true)) << "what is outside is ignored";
  opened->give_back(opened->bytes().data() - page, opened->bytes().data() + 20 * page);
  EXPECT_EQ(pages_of(*opened, page), std::vector<bool>(8, false));
  EXPECT_EQ(sum(), 7 * 8 * page);
}

TEST(MappedFile, AWriteToAPrivateCopyStaysInTheProcessAndIsNotGivenBack) {
  const auto page = std::size_t(::sysconf(_SC_PAGESIZE));
  const auto path = test::scratch_folder("private") / "values";
  write_file(path, std::string(3 * page, 'a'));
  const auto file = MappedFile::open(path, Mapping::private_copy);
  const auto* bytes = file->bytes().data();
  const_cast<std::byte*>(bytes)[page + 5] = std::byte{'b'};  // as an operation in place on a tensor over it
  file->give_back(bytes, bytes + 3 * page);
  EXPECT_EQ(bytes[page + 5], std::byte{'b'});
  EXPECT_EQ(bytes[page + 4], std::byte{'a'});
  EXPECT_EQ(read_file(path), std::string(3 * page, 'a'));
}

TEST(MappedFile, SaysWhenThereIsNoRoomForANewFile) {
  const auto path = test::scratch("huge");
  EXPECT_NE(
      test::error_of<Error>([&] { (void)MappedFile::create(path, std::size_t{1} << 60U); }).find(path.string() + ": "),
      std::string::npos);
}

TEST(Sha256, EqualsThePublishedTestVectors) {  // FIPS 180-2, appendix B
  const std::string abc = "abc";
  EXPECT_EQ(sha256(std::string_view()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(abc), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Random, SameSeedSameValuesAndStreamsDiffer) {
  Random a(stream_seed(1, "init")), b(stream_seed(1, "init")), c(stream_seed(1, "shuffle"));
  EXPECT_EQ(a.normal(), b.normal());
  EXPECT_NE(a.uniform(), c.uniform());
  std::set<std::uint64_t> seeds;
  for (std::uint64_t i = 0; i < 1000; ++i) seeds.insert(stream_seed(i / 10, "dropout", i % 10));
  EXPECT_EQ(seeds.size(), 1000U);
}

TEST(Random, NormalHasMeanZeroAndDeviationOne) {
  Random random(7);
  double sum = 0, squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 4 / std::sqrt(kDraws));            // 4 standard errors of the mean
  EXPECT_NEAR(squares / kDraws, 1, 4 * std::sqrt(2.0 / kDraws));  // and of the variance
}

TEST(Random, ShuffleIsAPermutation) {
  std::vector<int> items{0, 1, 2, 3, 4, 5, 6, 7};
  Random(3).shuffle(items);
  EXPECT_NE(items, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  std::sort(items.begin(), items.end());
  EXPECT_EQ(items, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Names, ProposesTheNearestOnlyWhenNear) {
  EXPECT_EQ(nearest_name("epocs", {"epochs", "lr"}), "epochs");
  EXPECT_EQ(nearest_name("zebra", {"epochs", "lr"}), "");
  EXPECT_EQ(nearest_name("val", {"all", "train", "valid"}), "valid") << "it begins one, though another is as near";
  EXPECT_EQ(nearest_name("ab", {"abcdef", "abcdeg"}), "") << "it begins two";
  EXPECT_EQ(suggestion("x", {}), "there is none to choose from");
  EXPECT_EQ(suggestion("lrr", {"epochs", "lr"}), "did you mean 'lr'? known: epochs, lr");
}

TEST(Error, CarriesHintAndExitCode) {
  const DataError error("a.pkl: no audio", "import it again");
  EXPECT_STREQ(error.what(), "a.pkl: no audio\n  hint: import it again");
  EXPECT_EQ(error.message(), "a.pkl: no audio");
  EXPECT_EQ(Error("plain").message(), "plain");
  EXPECT_EQ(error.exit_code(), 4);
  EXPECT_EQ(Interrupted("x").exit_code(), 6);
}

TEST(Error, AZeroByteCutsNothingShort) {
  const DataError error(std::string("a.pkl: key 'x\0y'", 16), std::string("known: \0", 8));
  EXPECT_STREQ(error.what(), "a.pkl: key 'x\\0y'\n  hint: known: \\0");
  EXPECT_EQ(error.message(), std::string("a.pkl: key 'x\0y'", 16));
  EXPECT_EQ(error.hint(), std::string("known: \0", 8));
}

TEST(Log, SinkCanBeReplaced) {
  std::string seen;
  auto before = set_log_sink([&](LogLevel, const std::string& message) { seen = message; });
  log_warning("{} clips", 3);
  set_log_sink(before);
  EXPECT_EQ(seen, "3 clips");
}

TEST(Log, ASinkMayWaitForAThreadThatLogs) {
  std::atomic<int> seen = 0;
  auto before = set_log_sink([&](LogLevel, const std::string& message) {
    ++seen;
    if (message == "first") std::thread([] { log_info("second"); }).join();
  });
  log_info("first");
  set_log_sink(before);
  EXPECT_EQ(seen, 2);
}

TEST(Log, ByDefaultALineOnStderr) {
  testing::internal::CaptureStderr();
  log_info("{} clips", 3);
  log_warning("two\nlines");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "3 clips\nwarning: two\nlines\n");
}

TEST(Interruption, EndsWorkOfItsThreadWhileItsScopeLives) {
  EXPECT_NO_THROW(stop_where_asked());
  {
    const InterruptionScope outer([] { return true; });
    EXPECT_THROW(stop_where_asked(), Interrupted);
    std::thread([] { EXPECT_NO_THROW(stop_where_asked()); }).join();
    const InterruptionScope inner([] { return false; });
    EXPECT_NO_THROW(stop_where_asked());
  }
  EXPECT_NO_THROW(stop_where_asked());
}

TEST(JsonNumber, WhatJsonCannotHoldIsNullAndReadsBackAsNaN) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
  for (const double value : {kNaN, kInfinity, -kInfinity}) {
    EXPECT_TRUE(json_number(value).is_null());
    EXPECT_TRUE(json_number(float(value)).is_null());
  }
  EXPECT_TRUE(std::isnan(number_in(json_number(kNaN))));
  for (const double value : {0.1, 1.0 / 3, -7e300}) EXPECT_EQ(number_in(json_number(value)), value);
  EXPECT_EQ(json_number(0.1F).dump(), "0.1") << "a float32 has no more digits";
  EXPECT_EQ(json_number(2.0F).dump(), "2");
  EXPECT_THROW((void)number_in("0.1"), nlohmann::json::exception);
}

TEST(ChildProcess, RunsInItsFolderWithItsVariablesAndTellsItsExitCode) {
  const auto folder = test::scratch_folder("process");
  const auto output = folder / "output";
  write_file(folder / "script", "pwd; echo \"$KUDA_TEST_WORD\" >&2; exit 3\n");
  const auto child = start_process({"sh", "./script"},
                                   {.folder = folder, .output = output, .environment = {{"KUDA_TEST_WORD", "a b"}}});
  ASSERT_TRUE(child);
  EXPECT_EQ(wait_for(*child), 3);
  EXPECT_EQ(read_file(output), std::filesystem::canonical(folder).string() + "\na b\n");
  EXPECT_FALSE(start_process({"kuda-no-such-program"}, {.output = output}));
  const auto killed = start_process({"sh", "-c", "kill -9 $$"}, {.output = output});
  ASSERT_TRUE(killed);
  EXPECT_EQ(wait_for(*killed), 128 + 9);
}

TEST(Tables, NumbersStandToTheRightAlsoWithADeviationAndAMark) {
  Table table({"system", "MAE"});
  table.add({"tfn", "0.71 ± 0.02 *"});
  table.add({"lmf", "10.5  "});
  table.add({"mean", "-  "});
  EXPECT_EQ(table.text(),
            "system            MAE\n"
            "---------------------\n"
            "tfn     0.71 ± 0.02 *\n"
            "lmf            10.5\n"
            "mean              -\n");
  Table words({"a", "b"});
  words.add({"x", "1 clip"});
  words.add({"y", "22"});
  EXPECT_EQ(words.text(), "a  b\n---------\nx  1 clip\ny  22\n");
}

TEST(AtomicFile, RemovesWhatAKilledProcessLeftOfTheSameFile) {
  const auto folder = test::scratch_folder("files");
  const auto target = folder / "model.safetensors";
  const pid_t gone = ::fork();  // ends at once: an id that no process has
  if (gone == 0) ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  const auto left = [&](const std::string& name, pid_t process) {
    const auto path = folder / fmt::format("{}.{}.0.tmp", name, process);
    std::ofstream(path) << "half";
    return path;
  };
  const auto mine = left("model.safetensors", gone), of_another = left("model.safetensors", ::getppid()),
             other_file = left("other.safetensors", gone), no_number = folder / "model.safetensors.old.0.tmp";
  std::ofstream(no_number) << "not ours";
  write_file(target, "whole");
  EXPECT_FALSE(std::filesystem::exists(mine));
  EXPECT_TRUE(std::filesystem::exists(of_another)) << "its process is at work";
  EXPECT_TRUE(std::filesystem::exists(other_file)) << "goes when that file is written again";
  EXPECT_TRUE(std::filesystem::exists(no_number));
  EXPECT_EQ(read_file(target), "whole");
  write_file(folder / "other.safetensors", "whole");
  EXPECT_FALSE(std::filesystem::exists(other_file));
  const auto later = left("model.safetensors", gone);
  write_file(target, "whole");
  EXPECT_TRUE(std::filesystem::exists(later)) << "the folder is looked through once, not at every write";
}

}  // namespace
}  // namespace kuda
