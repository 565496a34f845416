#include "kuda/io/packed_file.h"

#include <cstring>

namespace kuda::io {

PackedFile::PackedFile(const std::filesystem::path& path, const std::map<std::string, ArraySpec>& arrays)
    : layout_(path, arrays), file_(MappedFile::create(path, static_cast<std::size_t>(layout_.size()))) {
  std::memcpy(file_->writable(), layout_.header().data(), layout_.header().size());
}

}  // namespace kuda::io
