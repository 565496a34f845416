#pragma once
// Folders that a program makes, and files that keep other processes away.
//
//   make_folder("runs/first/logs");
//   const auto lock = FileLock::try_to_lock("runs/first/.lock");
//   if (!lock) ...                                // another process holds it

#include <filesystem>
#include <memory>

namespace kuda {

/// With all that lie above it; nothing happens where it is there. Throws Error naming it and the reason.
void make_folder(const std::filesystem::path& folder);

/// Holds an exclusive flock on a file, which is made, until it goes out of scope; processes that were started with its
/// descriptor as their output hold it on. On a file system without locks nothing is held, and no work refused.
class FileLock {
 public:
  /// Nothing when another process holds it. Throws Error when the file cannot be opened.
  [[nodiscard]] static std::unique_ptr<FileLock> try_to_lock(const std::filesystem::path& path);
  /// Waits until no other process holds it. A file that its holder has removed is none to wait for: it is made anew.
  [[nodiscard]] static std::unique_ptr<FileLock> wait_for(const std::filesystem::path& path);
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }  ///< to append to the file

 private:
  explicit FileLock(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace kuda
