#include "sim/network/csv.hpp"

#include <algorithm>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{16} << 20;
constexpr std::size_t kMaxFields = 64;

// The field in quotes that `text` begins with, up to a separator: sets `length` to what it takes of the text. False if
// its end is missing: the quote then belongs to the text.
bool read_quoted(std::string_view text, char separator, std::string& field, std::size_t& length) {
  const std::size_t begin = text.find_first_not_of(separator == '\t' ? " " : " \t");
  if (begin == std::string_view::npos || text[begin] != '"') return false;
  field.clear();
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      field += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      field += text[++i];
    } else {
      const std::size_t end = std::min(text.find(separator, i), text.size());
      if (!trim_field(text.substr(i + 1, end - i - 1)).empty()) return false;
      length = end;
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view trim_field(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

CsvReader::CsvReader(const std::string& path) : path_(path) {
  const InputFile file(path);
  if (file.size() > kMaxFile) file.fail("is larger than 16 MiB, too large for a topology");
  text_.resize(file.size());
  file.read(0, text_.data(), text_.size());
  rest_ = text_;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // spreadsheets write it
  if (rest_.substr(0, 2) == "\xFF\xFE" || rest_.substr(0, 2) == "\xFE\xFF")
    file.fail("is UTF-16; save it as UTF-8");
  if (rest_.find('\0') != std::string_view::npos) file.fail("is no text: it holds a NUL byte");
  if (rest_.substr(0, kByteOrderMark.size()) == kByteOrderMark) rest_.remove_prefix(kByteOrderMark.size());
}

std::string CsvReader::place() const { return one_line(path_) + ": line " + std::to_string(line_); }

std::vector<std::string> CsvReader::split(std::string_view line) const {
  std::vector<std::string> fields;
  for (;;) {
    std::string field;
    std::size_t length = 0;
    if (!read_quoted(line, separator_, field, length)) {
      length = std::min(line.find(separator_), line.size());
      field = trim_field(line.substr(0, length));
      if (!fields.empty() && field.rfind('#', 0) == 0) break;
    }
    fields.push_back(field);
    if (length == line.size()) break;
    if (fields.size() == kMaxFields)
      throw InputError(place() + ": more than " + std::to_string(kMaxFields) + " fields");
    line.remove_prefix(length + 1);
  }
  while (!fields.empty() && fields.back().empty()) fields.pop_back();
  return fields;
}

bool CsvReader::next(std::vector<std::string>& fields) {
  while (!rest_.empty()) {
    ++line_;
    const std::size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    const bool pair = rest_.substr(end, 2) == "\r\n";
    rest_.remove_prefix(std::min(end + (pair ? 2 : 1), rest_.size()));
    const std::string_view content = trim_field(line);
    if (content.empty() || content.front() == '#') continue;
    if (separator_ == 0) {
      separator_ = ',';
      for (const char other : {';', '\t'})
        if (line.find(separator_) == std::string_view::npos && line.find(other) != std::string_view::npos)
          separator_ = other;
    }
    fields = split(line);
    if (!fields.empty()) return true;
  }
  return false;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of("\",;#\t\r\n") == std::string::npos && trim_field(text) == text) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace if4
