#include "kuda/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/write_all.h"

namespace kuda {
namespace {

std::string reason() { return std::strerror(errno); }

/// A device or a pipe: written as it stands, because a rename would put a file in its place.
bool is_written_directly(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/// Closes a descriptor at the end of a scope.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path, Mapping mapping) {
  // A pipe that nobody writes to would be waited for without O_NONBLOCK; for files it means nothing.
  const Descriptor descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (descriptor.value < 0) throw FormatError(fmt::format("{}: cannot be opened: {}", path.string(), reason()));
  struct stat status {};
  if (::fstat(descriptor.value, &status) != 0)
    throw FormatError(fmt::format("{}: cannot be read: {}", path.string(), reason()));
  if (!S_ISREG(status.st_mode))
    throw FormatError(
        fmt::format("{}: expected a file, found {}", path.string(), S_ISDIR(status.st_mode) ? "a folder" : "a device"));
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  file->size_ = static_cast<std::size_t>(status.st_size);
  if (file->size_ > 0) {
    file->keeps_pages_ = mapping == Mapping::private_copy;
    // Without MAP_NORESERVE the system would set memory for the whole file aside, though nothing may ever be written.
    const int protection = file->keeps_pages_ ? PROT_READ | PROT_WRITE : PROT_READ;
    const int flags = file->keeps_pages_ ? MAP_PRIVATE | MAP_NORESERVE : MAP_PRIVATE;
    void* data = ::mmap(nullptr, file->size_, protection, flags, descriptor.value, 0);
    // Where memory is never promised twice (vm.overcommit_memory = 2) a large file can still be read.
    if (data == MAP_FAILED && file->keeps_pages_)
      data = ::mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE, descriptor.value, 0);
    if (data == MAP_FAILED) throw FormatError(fmt::format("{}: cannot be mapped: {}", path.string(), reason()));
    file->data_ = static_cast<std::byte*>(data);
  }
  return file;
}

std::shared_ptr<MappedFile> MappedFile::create(const std::filesystem::path& path, std::size_t size) {
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  file->descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file->descriptor_ < 0) throw Error(fmt::format("{}: cannot be written: {}", path.string(), reason()));
  // Space first: writing to a mapping on a full disk ends the program instead of giving an error.
  if (const int failed = ::posix_fallocate(file->descriptor_, 0, static_cast<off_t>(size)); failed != 0)
    throw Error(fmt::format("{}: {} bytes cannot be taken: {}", path.string(), size, std::strerror(failed)));
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->descriptor_, 0);
  if (data == MAP_FAILED) throw Error(fmt::format("{}: cannot be mapped: {}", path.string(), reason()));
  file->data_ = static_cast<std::byte*>(data);
  file->size_ = size;
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MappedFile::give_back(const void* first, const void* last) const noexcept {
  if (keeps_pages_) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(data_);
  const auto from = std::max(reinterpret_cast<std::uintptr_t>(first), start) / page * page;
  const auto to = std::min(reinterpret_cast<std::uintptr_t>(last), start + size_) / page * page;
  if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

void MappedFile::sync() {
  if (::msync(data_, size_, MS_SYNC) != 0 || ::fsync(descriptor_) != 0)
    throw Error(fmt::format("{}: writing failed: {}", path_.string(), reason()));
}

namespace {

// The process id keeps two programs apart, the counter two writers of one program.
std::atomic<unsigned> num_writers{0};

/// NAME, where the file is "NAME.PROCESS.NUMBER.tmp" of a process that is gone, or of one that had our id before us.
std::optional<std::string> target_of_left_over(const std::string& file) {
  if (!file.ends_with(".tmp")) return std::nullopt;
  const auto number_at = file.rfind('.', file.size() - 5);
  if (number_at == std::string::npos || number_at == 0) return std::nullopt;
  const auto process_at = file.rfind('.', number_at - 1);
  if (process_at == std::string::npos || process_at == 0) return std::nullopt;
  const auto read = [&](std::size_t from, std::size_t to, auto& number) {
    const auto [end, code] = std::from_chars(file.data() + from + 1, file.data() + to, number);
    return code == std::errc() && end == file.data() + to;
  };
  pid_t process = 0;
  unsigned number = 0;
  if (!read(process_at, number_at, process) || !read(number_at, file.size() - 4, number) || process <= 0)
    return std::nullopt;
  const bool is_gone = process == ::getpid() ? number >= num_writers : ::kill(process, 0) != 0 && errno == ESRCH;
  return is_gone ? std::optional(file.substr(0, process_at)) : std::nullopt;
}

/// A kill in the middle of a write leaves the temporary file; the next write of the same file removes it. A folder is
/// looked through once: one of thousands of files would be listed for each of them.
void remove_left_over(const std::filesystem::path& target) {
  using ByTarget = std::multimap<std::string, std::filesystem::path>;
  static std::mutex mutex;
  static std::map<std::filesystem::path, ByTarget> of_folder;
  std::error_code ignored;
  const auto folder = std::filesystem::absolute(target, ignored).parent_path();
  const std::lock_guard lock(mutex);
  const auto [known, is_new] = of_folder.try_emplace(folder);
  if (is_new)
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
      if (auto name = target_of_left_over(entry.path().filename().string()))
        known->second.emplace(std::move(*name), entry.path());
  const auto [first, last] = known->second.equal_range(target.filename().string());
  for (auto left = first; left != last; ++left) std::filesystem::remove(left->second, ignored);
  known->second.erase(first, last);
}

}  // namespace

bool write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  if (!is_written_directly(target_)) {
    remove_left_over(target_);
    temporary_ = target_;
    temporary_ += fmt::format(".{}.{}.tmp", ::getpid(), num_writers++);
  }
  descriptor_ =
      ::open((temporary_.empty() ? target_ : temporary_).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw Error(fmt::format("{}: cannot be written: {}", target_.string(), reason()));
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (write_all(descriptor_, bytes)) return;
  const int why = errno;
  throw Error(fmt::format("{}: writing failed: {}", target_.string(), std::strerror(why)),
              why == EFBIG ? "this process may not write larger files: see ulimit -f"
                           : "the old file, if there was one, is untouched");
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::commit() {
  if (!temporary_.empty() && ::fsync(descriptor_) != 0)
    throw Error(fmt::format("{}: writing failed: {}", target_.string(), reason()));
  ::close(descriptor_);
  descriptor_ = -1;
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const auto why = reason();
    ::unlink(temporary_.c_str());
    throw Error(fmt::format("{}: cannot be put in place: {}", target_.string(), why));
  }
  sync_folder(target_.parent_path());
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (descriptor.value >= 0) ::fsync(descriptor.value);
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

std::string read_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace kuda
