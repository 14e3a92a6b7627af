#include "sim/network/topology.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "sim/network/csv.hpp"

namespace if4 {
namespace {

// What a column holds. Each has a row of kColumns.
enum Column : std::size_t {
  kName,
  kM,
  kN,
  kK,
  kCount,
  kInputHeight,
  kInputWidth,
  kFilterHeight,
  kFilterWidth,
  kChannels,
  kFilters,
  kStride,
  kStrideHeight,
  kStrideWidth,
  kSparsity,
  kBatch,
  kColumnCount,
};

struct ColumnTraits {
  Column column;
  std::string_view name;    // in messages
  std::string_view labels;  // letters and digits of those that headers have, each between blanks
};
constexpr ColumnTraits kColumns[] = {
    {kName, "name", " layer layername layers name op operation "},
    {kM, "M", " m "},
    {kN, "N", " n "},
    {kK, "K", " k "},
    {kCount, "count", " count counts runs repeat repeats "},
    {kInputHeight, "IFMAP Height", " ifmapheight ifmaph ifmapsheight inputheight "},
    {kInputWidth, "IFMAP Width", " ifmapwidth ifmapw ifmapswidth inputwidth "},
    {kFilterHeight, "Filter Height", " filterheight filterh kernelheight "},
    {kFilterWidth, "Filter Width", " filterwidth filterw kernelwidth "},
    {kChannels, "Channels", " channels channel numchannels numchannel "},
    {kFilters, "Num Filter", " numfilter numfilters filters "},
    {kStride, "Strides", " stride strides "},
    {kStrideHeight, "Stride Height", " strideheight strideh "},
    {kStrideWidth, "Stride Width", " stridewidth stridew "},
    {kSparsity, "Sparsity", " sparsity sparsityratio sparsitynm "},
    {kBatch, "Batch", " batch batches batchsize "},
};
static_assert(std::size(kColumns) == kColumnCount, "a column is missing");

using Fields = std::vector<std::string>;

std::string range() { return whole_number_range(1, kMaxGemmSize); }

std::optional<Column> column_of(const std::string& label) {
  std::string letters;
  for (const char c : label)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (letters.empty()) return std::nullopt;
  for (const ColumnTraits& column : kColumns)
    if (column.labels.find(" " + letters + " ") != std::string_view::npos) return column.column;
  return std::nullopt;
}

bool begins_a_number(const std::string& field) {
  return !field.empty() &&
         (std::isdigit(static_cast<unsigned char>(field[0])) != 0 || field[0] == '-' || field[0] == '+');
}

// The columns of a file: their labels, and which field each is.
class Columns {
 public:
  // Those of a file without a header.
  Columns() : labels_{"name", "M", "N", "K", "count"}, known_{kName, kM, kN, kK, kCount} { index(""); }
  // `place` is for messages.
  Columns(const Fields& header, const std::string& place) : labels_(header) {
    for (const std::string& label : header) known_.push_back(column_of(label));
    // The first column is the name whatever it is called, as an index is that pandas writes without a label.
    const bool named = std::find(known_.begin(), known_.end(), kName) != known_.end();
    if (!named && !known_[0]) known_[0] = kName;
    index_column_ = named && labels_[0].empty();
    // A fifth number below these four is what it is without a header, and in SCALE-Sim.
    if (known_ == std::vector<std::optional<Column>>{kName, kM, kN, kK}) {
      labels_.push_back("count");
      known_.push_back(kCount);
    }
    index(place);
    const bool products = has(kM) || has(kN) || has(kK);
    convolutions_ = !products;
    std::string missing;
    for (const Column column : needed())
      if (!has(column)) missing += (missing.empty() ? "" : ", ") + std::string(kColumns[column].name);
    if (missing.empty() && (!has(kStrideHeight) || !has(kStrideWidth)) && convolutions_ && !has(kStride))
      missing = "Strides";
    if (products && has(kInputHeight)) missing = "either M, N, K or the sizes of a convolution";
    if (missing.empty()) return;
    throw InputError(place +
                     "the header is not 'Layer, M, N, K', 'Layer, M, N, K, count' or that of "
                     "SCALE-Sim's convolutions: it lacks " +
                     missing);
  }

  bool convolutions() const { return convolutions_; }
  bool has(Column column) const { return field_[column].has_value(); }
  // The text in a column of a line, or "".
  std::string text(const Fields& line, Column column) const {
    return has(column) && *field_[column] < line.size() ? line[*field_[column]] : "";
  }
  // The number in a column of a line; 1 if the column may be left out.
  std::uint64_t number(const Fields& line, Column column, const std::string& place) const {
    const std::string value = text(line, column);
    const std::string name(kColumns[column].name);
    if (value.empty()) {
      if (column == kCount) return 1;
      throw InputError(place + std::to_string(line.size()) + " fields, and " + name + " is missing");
    }
    const auto number = whole_number(value, 1, kMaxGemmSize);
    if (!number) throw InputError(place + name + " is " + quoted_name(value) + ", not " + range());
    return *number;
  }
  // Throws InputError if the line has a value that nothing is made of.
  void check(const Fields& line, const std::string& place) const {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i].empty() || (i == 0 && index_column_)) continue;
      if (i >= labels_.size()) {
        throw InputError(place + std::to_string(line.size()) + " fields, and the columns are " +
                         std::to_string(labels_.size()) + ": nothing says what " + quoted_name(line[i]) +
                         " is");
      }
      if (!known_[i]) {
        throw InputError(place + quoted_name(line[i]) + " is in a column " + quoted_name(labels_[i]) +
                         ", which is none of name, M, N, K and count, nor of a convolution");
      }
      if (*known_[i] == kBatch && line[i] != "1") {
        throw InputError(place + "Batch is " + quoted_name(line[i]) +
                         ": write it into M if the weights are shared, or call the column count if not");
      }
      const std::size_t colon = line[i].find(':');
      if (*known_[i] == kSparsity &&
          (colon == std::string::npos || line[i].substr(0, colon) != line[i].substr(colon + 1))) {
        throw InputError(place + "Sparsity is " + quoted_name(line[i]) +
                         ", and the array does all products: N:N");
      }
    }
  }

 private:
  std::vector<Column> needed() const {
    if (!convolutions_) return {kName, kM, kN, kK};
    return {kName, kInputHeight, kInputWidth, kFilterHeight, kFilterWidth, kChannels, kFilters};
  }
  void index(const std::string& place) {
    for (std::size_t i = 0; i < known_.size(); ++i) {
      if (!known_[i]) continue;
      if (field_[*known_[i]]) {
        throw InputError(place + "the header names the column " + std::string(kColumns[*known_[i]].name) +
                         " twice");
      }
      field_[*known_[i]] = i;
    }
  }

  Fields labels_;
  std::vector<std::optional<Column>> known_;
  std::array<std::optional<std::size_t>, kColumnCount> field_{};
  bool convolutions_ = false;
  bool index_column_ = false;  // the first column is without a label, beside one of names
};

// The product that a convolution is, as SCALE-Sim takes it: the input has its padding, a window at the edge that is not
// whole counts, and a layer with DP in its name, depthwise, is a product of its own for each channel.
void read_convolution(const Columns& columns, const Fields& line, const std::string& place, Layer& layer) {
  const auto number = [&](Column column) { return columns.number(line, column, place); };
  const auto outputs = [&](Column input, Column filter, Column stride) {
    const Column used = columns.has(stride) ? stride : kStride;
    const std::uint64_t size = number(input), window = number(filter), step = number(used);
    if (window > size) {
      throw InputError(place + std::string(kColumns[filter].name) + " is " + std::to_string(window) +
                       ", more than " + std::string(kColumns[input].name) + ", " + std::to_string(size));
    }
    return ceil_div(size - window + step, step);
  };
  const auto product = [&](const char* what, std::uint64_t a, std::uint64_t b, const char* of) {
    if (a > kMaxGemmSize / b)
      throw InputError(place + what + " is " + std::to_string(a) + " * " + std::to_string(b) + of + ", not " +
                       range());
    return a * b;
  };
  const bool depthwise = layer.name.find("DP") != std::string::npos;
  const std::uint64_t channels = number(kChannels);
  layer.shape.m = product("M", outputs(kInputHeight, kFilterHeight, kStrideHeight),
                          outputs(kInputWidth, kFilterWidth, kStrideWidth), " output pixels");
  layer.shape.n = number(kFilters);
  layer.shape.k = product("K", number(kFilterHeight), number(kFilterWidth), " values of a filter");
  if (depthwise) {
    layer.count = product("count", layer.count, channels, " channels");
  } else {
    layer.shape.k = product("K", layer.shape.k, channels, " values of a filter and its channels");
  }
}

Layer read_layer(const Columns& columns, const Fields& line, const std::string& where) {
  const std::string place = where + ": ";
  columns.check(line, place);
  Layer layer;
  layer.name = one_line(columns.text(line, kName));
  layer.place = where;
  if (layer.name.empty()) throw InputError(place + "the layer has no name");
  layer.count = columns.number(line, kCount, place);
  if (columns.convolutions()) {
    read_convolution(columns, line, place, layer);
  } else {
    layer.shape.m = columns.number(line, kM, place);
    layer.shape.n = columns.number(line, kN, place);
    layer.shape.k = columns.number(line, kK, place);
  }
  return layer;
}

}  // namespace

GemmShape parse_gemm(const std::string& text) {
  GemmShape shape;
  std::uint64_t* const sizes[] = {&shape.m, &shape.n, &shape.k};
  std::string_view rest = text;
  bool good = std::count(text.begin(), text.end(), ',') == 2;
  for (std::size_t i = 0; good && i < 3; ++i) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const auto value = whole_number(trim_field(rest.substr(0, end)), 1, kMaxGemmSize);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    good = value.has_value();
    *sizes[i] = value.value_or(0);
  }
  if (!good) throw InputError("--gemm: " + quoted_name(text) + " is not M,N,K, each " + range());
  return shape;
}

std::vector<Layer> read_topology(const std::string& path) {
  CsvReader lines(path);
  std::vector<Layer> layers;
  std::optional<Columns> columns;
  for (Fields fields; lines.next(fields);) {
    if (!columns) {
      const bool header = fields.size() > 1 && std::none_of(fields.begin(), fields.end(), begins_a_number);
      columns = header ? Columns(fields, lines.place() + ": ") : Columns();
      if (header) continue;
    }
    layers.push_back(read_layer(*columns, fields, lines.place()));
  }
  if (layers.empty()) throw InputError(one_line(path) + ": no layer in it");
  return layers;
}

std::string topology_text(const std::vector<Layer>& layers, const std::vector<std::string>& comments) {
  std::string text;
  for (const std::string& comment : comments) text += "# " + comment + "\n";
  text += "Layer, M, N, K, count\n";
  for (const Layer& layer : layers) {
    text += csv_field(layer.name);
    for (const std::uint64_t number : {layer.shape.m, layer.shape.n, layer.shape.k, layer.count})
      text += ", " + std::to_string(number);
    text += "\n";
  }
  return text;
}

}  // namespace if4
