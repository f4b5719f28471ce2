package texts

// Sheet is what is said of a file of records.
var Sheet = struct {
	Line, Place, Cell, Outdated Text

	TooLong, TooMany, Empty, NotCSV, Encoding, Quotes, Twice Text

	Column, ColumnTwice, ColumnMissing, NoHeading, Record, NotOfRecord, Wants, Number, YesNo, Text, Channel Text

	YAML, Alias, Tables, Table, List, Field, LongLine, Deep Text
}{
	Line:  Text{"%s 第 %d 行：%v", "%s:%d: %v"},
	Place: Text{"%s 第 %d 行第 %d 列：%v", "%s:%d:%d: %v"},
	Cell:  Text{"%s 第 %d 行第 %d 列（%s）：%v", "%s:%d:%d (%s): %v"},

	Outdated: Text{"%s 还没有登记：您查看期间有人改动了登记簿，它会带来的改变已和刚才显示的不同。请再看一遍再确认", "%s is not registered yet: somebody has changed the registry meanwhile, and it would change something else than was shown. Look again before you register it"},

	TooLong:  Text{"文件超过 %d MiB，请分成几个", "the file is larger than %d MiB, make several of it"},
	TooMany:  Text{"一个文件至多 %d 条记录，请分成几个", "a file has at most %d records, make several of it"},
	Empty:    Text{"没有任何记录：首行写列名，其后每行一条", "there is no record: name the columns in the first line, then write a record a line"},
	NotCSV:   Text{"不是文本文件：请在 Excel 中“另存为”CSV UTF-8（逗号分隔）", "not a text file: save it as CSV UTF-8 (comma delimited)"},
	Encoding: Text{"既不是 UTF-8 也不是 GBK 编码：请在 Excel 中“另存为”CSV UTF-8（逗号分隔）", "neither in UTF-8 nor in GBK: save it as CSV UTF-8 (comma delimited)"},
	Quotes:   Text{"引号不成对：含引号的单元格须整个放在双引号内，其中的引号写两遍", "quotes do not match: a cell with quotes in it must be quoted as a whole, and each of them doubled"},
	Twice:    Text{"编号 %q 与第 %d 行重复，请删去一行", "ID %q is in line %d already, remove one of them"},

	Column:        Text{"没有“%s”这一列，可用的列：%s", "there is no column \"%s\", columns are: %s"},
	ColumnTwice:   Text{"列 %s 与第 %d 列重复，请删去一列", "column %s is column %d already, remove one of them"},
	ColumnMissing: Text{"首行缺少列 %s（编号）", "the first line lacks the column %s"},
	NoHeading:     Text{"此单元格上方没有列名：请补上列名或删去内容", "there is no heading over this cell: add one or remove what is in it"},
	Record:        Text{"须为 设施、设备、老人、照护人员、照护约定、值班组、班次 或 节假日（现为 %q）", "must be facility, device, elder, caregiver, care, group, shift or holiday (got %q)"},
	NotOfRecord:   Text{"这类记录没有此列，请清空单元格；它的列：%s", "this kind of record has no such column, clear the cell; it has: %s"},
	Wants:         Text{"须为%v（现为 %q）", "must be %v (got %q)"},
	Number:        Text{"整数", "a whole number"},
	YesNo:         Text{"“是”或“否”", "yes or no"},
	Text:          Text{"文字", "text"},
	Channel:       Text{"呼叫方式须写成 种类=地址，多个用分号隔开（现为 %q）", "a way to reach somebody must be written KIND=ADDRESS, several separated by semicolons (got %q)"},

	YAML:     Text{"不是有效的 YAML：%v", "not valid YAML: %v"},
	Alias:    Text{"不能使用锚点和引用（& 与 *），请直接写出", "anchors and aliases (& and *) cannot be used, write it out"},
	Tables:   Text{"须以表名开头，例如 devices: 后接一列记录（表名：%s）", "must begin with tables, for instance devices: and then a list of records (tables: %s)"},
	Table:    Text{"没有 %q 这个表，可用的表：%s", "there is no table %q, tables are: %s"},
	List:     Text{"%s 之下须为一列记录，每条以“- ”开头", "%s must be a list of records, each beginning with \"- \""},
	Field:    Text{"%s：%s 的记录没有此字段，或值的类型不对（%v）", "%s: records of %s have no such field, or not with such a value (%v)"},
	LongLine: Text{"此行超过 %d 字节，请分行", "the line is longer than %d bytes, break it"},
	Deep:     Text{"嵌套超过 %d 层", "nested deeper than %d"},
}
