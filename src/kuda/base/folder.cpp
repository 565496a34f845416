#include "kuda/base/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kuda/base/error.h"

namespace kuda {

void make_folder(const std::filesystem::path& folder) {
  std::error_code reason;
  std::filesystem::create_directories(folder, reason);  // no error where it is there, but one where it is a file
  if (reason) throw Error(fmt::format("{}: this folder cannot be made: {}", folder.string(), reason.message()));
}

std::unique_ptr<FileLock> FileLock::try_to_lock(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) throw Error(fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
  std::unique_ptr<FileLock> lock(new FileLock(descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) lock.reset();
  return lock;
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace kuda
