#include "kuda/base/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kuda/base/error.h"

namespace kuda {
namespace {

int open_to_lock(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) throw Error(fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
  return descriptor;
}

bool is_file_of(int descriptor, const std::filesystem::path& path) {
  struct stat own {
  }, named{};
  return ::fstat(descriptor, &own) == 0 && ::stat(path.c_str(), &named) == 0 && own.st_dev == named.st_dev &&
         own.st_ino == named.st_ino;
}

}  // namespace

void make_folder(const std::filesystem::path& folder) {
  std::error_code reason;
  std::filesystem::create_directories(folder, reason);  // no error where it is there, but one where it is a file
  if (reason) throw Error(fmt::format("{}: this folder cannot be made: {}", folder.string(), reason.message()));
}

HeldFolder::HeldFolder(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

HeldFolder::~HeldFolder() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool HeldFolder::is_in_place() const {
  std::error_code ignored;
  return descriptor_ >= 0 ? is_file_of(descriptor_, path_) : !std::filesystem::exists(path_, ignored);
}

std::unique_ptr<FileLock> FileLock::lock(const std::filesystem::path& path, int how) {
  while (true) {
    std::unique_ptr<FileLock> lock(new FileLock(open_to_lock(path), path));
    int failed = 0;
    while ((failed = ::flock(lock->descriptor_, how)) != 0 && errno == EINTR) continue;
    if (failed != 0 && errno == EWOULDBLOCK) return nullptr;
    if (is_file_of(lock->descriptor_, path)) return lock;  // else its holder has removed it meanwhile
  }
}

std::unique_ptr<FileLock> FileLock::try_to_lock(const std::filesystem::path& path) {
  return lock(path, LOCK_EX | LOCK_NB);
}

std::unique_ptr<FileLock> FileLock::wait_for(const std::filesystem::path& path) { return lock(path, LOCK_EX); }

FileLock::~FileLock() {
  if (is_removed_) ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace kuda
