#include "kuda/io/npz.h"

#include "kuda/base/file.h"
#include "kuda/io/npy.h"
#include "kuda/io/npy_header.h"
#include "kuda/io/zip.h"

namespace kuda::io {

ArrayFile read_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  ZipArchive archive(bytes, std::move(owner), name);
  ArrayFile file;
  file.path = name;
  for (const std::string& member : archive.names()) {
    if (!member.ends_with(".npy")) continue;
    const std::string key = member.substr(0, member.size() - 4);
    ByteView content = archive.member(member);
    try {
      file.arrays.emplace(key, read_npy(content.bytes, std::move(content.owner), name + ": member '" + member + "'"));
    } catch (const UnsupportedNpy& reason) {
      file.metadata.emplace(key, reason.what());
    }
  }
  return file;
}

ArrayFile read_npz(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return read_npz(file->bytes(), file, path.string());
}

}  // namespace kuda::io
