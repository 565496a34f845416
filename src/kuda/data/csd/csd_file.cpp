#include "kuda/data/csd/csd_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/utf8.h"
#include "kuda/io/file_kind.h"

#ifdef KUDA_HDF5
#define H5_USE_110_API
#include <hdf5.h>
#endif

namespace kuda {

bool is_csd(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) return false;
  const auto file = MappedFile::open(path);
  const auto kind = io::recognise(file->bytes(), path.string());
  return kind && kind->name.starts_with("an HDF5 file");
}

bool CsdFile::has(const std::string& entry) const {
  return std::binary_search(entries_.begin(), entries_.end(), entry);
}

CsdFile::~CsdFile() = default;

#ifndef KUDA_HDF5

struct CsdFile::Impl {};

bool reads_csd() noexcept { return false; }

CsdFile::CsdFile(const std::filesystem::path& path) {
  throw DataError(path.string() + ": expected a kuda that was built with libhdf5, which reads .csd files",
                  "install libhdf5-dev and build again (cmake says: HDF5 found), or align with the SDK and pickle the "
                  "result: docs/data-formats.md");
}

CsdEntry CsdFile::read(const std::string& /*entry*/, bool /*with_values*/) const { return {}; }

#else

namespace {

/// An identifier of libhdf5 and how it is closed.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  [[nodiscard]] hid_t get() const noexcept { return id_; }
  [[nodiscard]] explicit operator bool() const noexcept { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Names below a group, sorted. Links to other places and files do not count: nothing but this file is ever opened.
std::vector<std::string> names_in(hid_t group) {
  std::vector<std::string> names;
  H5G_info_t info{};
  if (H5Gget_info(group, &info) < 0) return names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const auto length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
    if (length <= 0) continue;
    std::string name(static_cast<std::size_t>(length) + 1, '\0');
    if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT) < 0)
      continue;
    name.pop_back();
    H5L_info_t link{};
    if (H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD)
      names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool has_link(hid_t group, const std::string& name) {
  H5L_info_t link{};
  return H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
}

Handle open_group(hid_t place, const std::string& name) {
  return {has_link(place, name) ? H5Gopen2(place, name.c_str(), H5P_DEFAULT) : -1, H5Gclose};
}

/// One dataset [rows, width] (or [rows]): sizes are checked against what the file can hold before memory is taken.
class Table {
 public:
  Table(hid_t group, const std::string& name, std::string where)
      : where_(std::move(where) + "/" + name),
        data_(has_link(group, name) ? H5Dopen2(group, name.c_str(), H5P_DEFAULT) : -1, H5Dclose),
        type_(data_ ? H5Dget_type(data_.get()) : -1, H5Tclose) {
    if (!data_ || !type_) throw DataError(where_ + ": no such dataset");
    const Handle space(H5Dget_space(data_.get()), H5Sclose);
    const int rank = space ? H5Sget_simple_extent_ndims(space.get()) : -1;
    if (rank < 1 || rank > 2) throw DataError(fmt::format("{}: expected 1 or 2 dimensions, found {}", where_, rank));
    hsize_t sizes[2] = {0, 1};
    H5Sget_simple_extent_dims(space.get(), sizes, nullptr);
    rows_ = sizes[0];
    width_ = sizes[1];
    require_own_bytes();
  }

  [[nodiscard]] std::size_t rows() const noexcept { return static_cast<std::size_t>(rows_); }
  [[nodiscard]] std::size_t width() const noexcept { return static_cast<std::size_t>(width_); }
  [[nodiscard]] bool is_text() const { return H5Tget_class(type_.get()) == H5T_STRING; }

  template <class T>
  [[nodiscard]] std::vector<T> numbers(hid_t memory_type) const {
    const auto kind = H5Tget_class(type_.get());
    if (kind != H5T_FLOAT && kind != H5T_INTEGER) throw DataError(where_ + ": expected numbers");
    std::vector<T> values(rows() * width());
    if (!values.empty() && H5Dread(data_.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
      throw DataError(where_ + ": cannot be read (a damaged file, or a filter that is not built in)");
    return values;
  }

  /// Texts of fixed length, padded with zeros, or of variable length.
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    const std::size_t count = rows() * width();
    if (H5Tis_variable_str(type_.get()) > 0) {
      std::vector<char*> pointers(count, nullptr);
      const Handle memory(H5Tcopy(type_.get()), H5Tclose);
      if (count > 0 && H5Dread(data_.get(), memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0)
        throw DataError(where_ + ": cannot be read");
      for (const char* text : pointers) texts.push_back(clean(text == nullptr ? "" : text));
      const Handle space(H5Dget_space(data_.get()), H5Sclose);
      H5Dvlen_reclaim(memory.get(), space.get(), H5P_DEFAULT, pointers.data());
      return texts;
    }
    const std::size_t size = H5Tget_size(type_.get());
    std::string bytes(count * size, '\0');
    if (!bytes.empty() && H5Dread(data_.get(), type_.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
      throw DataError(where_ + ": cannot be read");
    for (std::size_t i = 0; i < count; ++i) texts.push_back(clean(std::string_view(bytes).substr(i * size, size)));
    return texts;
  }

 private:
  void require_own_bytes() const {
    const Handle made(H5Dget_create_plist(data_.get()), H5Pclose);
    const auto layout = H5Pget_layout(made.get());
    if (H5Pget_external_count(made.get()) != 0 || layout == H5D_VIRTUAL)
      throw DataError(where_ + ": its data lie in other files, which are not read");
    constexpr std::uint64_t kLargestRatio = 1100, kFree = 1U << 20U;  // of deflate; small ones are not worth a count
    const std::uint64_t stored = H5Dget_storage_size(data_.get()) * kLargestRatio + kFree,
                        item = H5Tget_size(type_.get());
    if (item == 0 || rows_ > stored || width_ > stored || rows_ * width_ > stored / item)
      throw DataError(fmt::format("{}: {} x {} items are more than the file can hold", where_, rows_, width_));
  }

  static std::string clean(std::string_view bytes) {
    const auto text = clean_utf8(bytes.substr(0, std::min(bytes.find('\0'), bytes.size())));
    return text ? *text : std::string();
  }

  std::string where_;
  Handle data_, type_;
  std::uint64_t rows_ = 0, width_ = 0;
};

}  // namespace

struct CsdFile::Impl {
  std::string path;
  Handle file, data;
};

bool reads_csd() noexcept { return true; }

CsdFile::CsdFile(const std::filesystem::path& path) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to tell
  const unsigned no_plugins = 0;
  H5PLset_loading_state(no_plugins);  // a file must not name a library to be loaded
  const std::string name = path.string();
  if (!std::filesystem::exists(path)) throw DataError(name + ": no such file");
  Handle file(H5Fopen(name.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file) throw DataError(name + ": expected an HDF5 file (.csd), which libhdf5 cannot open");
  const Handle top(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose);
  for (const std::string& root : names_in(top.get())) {
    const Handle sequence = open_group(top.get(), root);
    if (!sequence) continue;
    Handle data = open_group(sequence.get(), "data");
    if (!data) continue;
    name_ = root;
    entries_ = names_in(data.get());
    impl_ = std::make_unique<Impl>(Impl{name, std::move(file), std::move(data)});
    break;
  }
  if (!impl_)
    throw DataError(name + ": expected a computational sequence: a group NAME with data/VIDEO/features and intervals",
                    "that is how CMU-MultimodalSDK writes .csd files; of another HDF5 file, write arrays: "
                    "docs/data-formats.md, label.csv and arrays");
}

CsdEntry CsdFile::read(const std::string& entry, bool with_values) const {
  const std::string where = fmt::format("{}: {}", impl_->path, entry);
  const Handle group = open_group(impl_->data.get(), entry);
  if (!group) throw DataError(where + ": no such entry");
  const Table intervals(group.get(), "intervals", where), features(group.get(), "features", where);
  if (intervals.width() != 2 && intervals.rows() > 0)
    throw DataError(
        fmt::format("{}/intervals: expected [frames, 2], found [{}, {}]", where, intervals.rows(), intervals.width()));
  if (features.rows() != intervals.rows())
    throw DataError(
        fmt::format("{}: {} frames in features, {} in intervals", where, features.rows(), intervals.rows()));
  CsdEntry result;
  const auto seconds = intervals.numbers<double>(H5T_NATIVE_DOUBLE);
  for (std::size_t i = 0; i < intervals.rows(); ++i) result.intervals.push_back({seconds[2 * i], seconds[2 * i + 1]});
  result.width = std::int64_t(features.width());
  if (features.is_text())
    result.words = features.texts();
  else if (with_values)
    result.values = features.numbers<float>(H5T_NATIVE_FLOAT);
  return result;
}

#endif

}  // namespace kuda
