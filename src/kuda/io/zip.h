#pragma once
// Private to io/: members of a zip archive in memory. Stored members are views into the archive, without a copy.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kuda/io/layout.h"

namespace kuda::io {

class ZipArchive {
 public:
  /// Throws FormatError naming the file: no zip, damaged directory, a name twice.
  ZipArchive(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string name);
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;
  ~ZipArchive();

  /// In the order of the archive.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  [[nodiscard]] bool contains(const std::string& member) const { return index_of_.contains(member); }
  /// Bytes of a member, checked against its CRC: mapped when stored, unpacked when deflated. Throws FormatError naming
  /// file and member: absent, truncated, damaged, encrypted, another compression, a size that deflate cannot reach.
  [[nodiscard]] ByteView member(const std::string& member);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::vector<std::string> names_;
  std::map<std::string, std::uint64_t> index_of_;
};

}  // namespace kuda::io
