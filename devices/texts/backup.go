package texts

// Backup is what the commands about backups say.
var Backup = struct {
	Backup, BackupLong, Restore, RestoreLong, PassphraseFlag, ReplaceFlag, DryRunFlag,
	Ask, AskAgain, AskOld, Differ, Short, NoTerminal,
	Writing, Written, Reading, Exists, Into,
	Foreign, WrongPassphrase, Changed, CutShort, Checksum, Malformed, Work, Newer, NoJournal, Registry,
	Contains, Made, MadeUnsure, Chain, Empty, Follower, Registered, Sound, Damaged, Missing,
	Live, Running, InUse, MountPoint, Swap, KeptAside, Restored, Nothing, Interrupted Text
}{
	Backup: Text{"备份：把这台网关的全部数据写入一个加密文件", "write everything that this box knows into one encrypted file"},
	BackupLong: Text{`把登记信息、日志和各跟随者的进度写入一个用口令加密的文件。网关运行时也可以备份，备份前已确认的事件都在其中。
配置文件和密钥文件（/etc/linli）不在备份里，请另行保存。没有口令，任何人都无法读出备份。`, `Write the registry, the journal and how far each follower is into one file, encrypted with a passphrase. It works while
the gateway runs, and holds every event acknowledged before it began. The configuration and the secrets beside it
(/etc/linli) are not part of it: keep them elsewhere. Without the passphrase nobody can read it.`},
	Restore: Text{"恢复：从备份文件恢复这台网关的数据", "bring back the data of this box from a backup"},
	RestoreLong: Text{`先用 --dry-run 查看备份里有什么。恢复前先停掉网关：systemctl stop linli-gateway。
数据目录里已有数据时需要 --replace；旧数据会保留在旁边的目录中。要么全部恢复，要么什么都不变。`, `See what the backup holds with --dry-run first. Stop the gateway before: systemctl stop linli-gateway.
Over a data folder that is in use --replace is needed; the old data is kept in a folder beside it. It restores
everything or changes nothing.`},
	PassphraseFlag: Text{"口令所在的`文件`（不给出则在终端上询问）", "`FILE` with the passphrase (asked for on the terminal if not given)"},
	ReplaceFlag:    Text{"替换现有数据，旧数据保留在旁边", "take the place of the data that is there, which is kept beside it"},
	DryRunFlag:     Text{"只检查并显示备份的内容，不改动任何东西", "check the backup and show what it holds, change nothing"},
	Ask:            Text{"为这个备份设一个口令（至少 %d 个字符）：", "choose a passphrase for this backup (at least %d characters): "},
	AskAgain:       Text{"再输入一次：", "once more: "},
	AskOld:         Text{"备份的口令：", "passphrase of the backup: "},
	Differ:         Text{"两次输入的口令不同", "the two passphrases differ"},
	Short:          Text{"口令太短：至少 %d 个字符", "the passphrase is too short: at least %d characters"},
	NoTerminal:     Text{"没有终端可以询问口令。请用 --passphrase-file 给出口令文件", "there is no terminal to ask for the passphrase. Give a file with --passphrase-file"},
	Writing:        Text{"备份", "backup"},
	Written:        Text{"已备份到 %s（%s）。请妥善保管口令：没有它就无法恢复。", "Backed up to %s (%s). Keep the passphrase: without it nothing can be restored."},
	Reading:        Text{"读取", "reading"},
	Exists:         Text{"%s 已经存在，备份不会覆盖它。请换一个文件名", "%s is there already, and a backup overwrites nothing. Choose another name"},
	Into:           Text{"无法写入 %s：%v", "cannot write %s: %v"},

	Foreign:         Text{"这不是备份文件", "this is no backup"},
	WrongPassphrase: Text{"口令不对，或者备份文件的开头已损坏", "the passphrase is wrong, or the head of the backup is damaged"},
	Changed:         Text{"备份文件已损坏或被改动。没有恢复任何东西", "the backup is damaged, or was tampered with. Nothing was restored"},
	CutShort:        Text{"备份文件不完整：后面的部分缺失。没有恢复任何东西", "the backup is incomplete: its end is missing. Nothing was restored"},
	Checksum:        Text{"备份中有文件的校验和不对。没有恢复任何东西", "the checksum of a file in the backup is wrong. Nothing was restored"},
	Malformed:       Text{"备份的内容无法读懂（%v）。没有恢复任何东西", "the content of the backup makes no sense (%v). Nothing was restored"},
	Work:            Text{"这个备份的口令强度参数是 %d，最多支持 %d", "the passphrase of this backup was made with work factor %d, at most %d is supported"},
	Newer:           Text{"备份的格式是第 %d 版，这个程序只认识到第 %d 版。请先升级网关", "the backup is of format %d, this program knows up to %d. Upgrade the gateway first"},
	NoJournal:       Text{"备份里没有日志", "there is no journal in the backup"},
	Registry:        Text{"备份里的登记信息无法读取：%v", "the registry in the backup cannot be read: %v"},

	Contains:   Text{"网关 %s（%s），版本 %s", "gateway %s (%s), version %s"},
	Made:       Text{"备份时间：%s", "made: %s"},
	MadeUnsure: Text{"备份时间：%s（当时时钟没有同步）", "made: %s (the clock was not synchronised)"},
	Chain:      Text{"%[1]s：%[4]d 个事件，序号 %[2]d 至 %[3]d", "%[1]s: %[4]d events, numbers %[2]d to %[3]d"},
	Empty:      Text{"%s：没有事件", "%s: no events"},
	Follower:   Text{"跟随者 %s：紧急 %d，普通 %d", "follower %s: urgent %d, ordinary %d"},
	Registered: Text{"登记：设施 %d，设备 %d，老人 %d，照护人员 %d", "registered: facilities %d, devices %d, elders %d, caregivers %d"},
	Sound:      Text{"备份完整，校验和正确。", "The backup is complete, and its checksums are right."},
	Damaged:    Text{"！%s 在备份时就已损坏（%d 处）：%s", "! %s was damaged already when it was backed up (%d faults): %s"},
	Missing:    Text{"！备份时 %s 就缺少序号 %d 至 %d", "! %s: numbers %d to %d were missing already when it was backed up"},

	Live:        Text{"%s 里已有数据。确定要替换请加 --replace，旧数据会保留在旁边的目录中", "there is data in %s. To take its place add --replace; the old data is kept in a folder beside it"},
	Running:     Text{"网关正在运行（%s）。请先停掉它：systemctl stop linli-gateway", "the gateway is running (%s). Stop it first: systemctl stop linli-gateway"},
	InUse:       Text{"%s 正被另一个程序使用。请先停掉它", "%s is in use by another program. Stop that first"},
	MountPoint:  Text{"%s 是一个挂载点，无法整体替换。请在配置中把 data 设为其中的一个目录", "%s is a mount point and cannot change places as a whole. Set data in the configuration to a folder in it"},
	Swap:        Text{"无法让恢复的数据就位（%s）：%v。原来的数据没有改动", "the restored data cannot take its place (%s): %v. The data that was there is unchanged"},
	KeptAside:   Text{"旧数据保留在 %s。确认无误后可以删除它。", "The old data is kept in %s. Remove it when all is well."},
	Restored:    Text{"已恢复到 %s。现在可以启动网关：systemctl start linli-gateway", "Restored into %s. Start the gateway now: systemctl start linli-gateway"},
	Interrupted: Text{"已中断，没有留下半成品，原来的数据没有改动", "interrupted: nothing half done is left behind, and nothing has changed"},
	Nothing:     Text{"%s 里没有数据，请核对配置里的 data", "there is no data in %s, check data: in the configuration"},
}

// Inspect is what the commands that look into the journal say.
var Inspect = struct {
	Tail, Verify, Export, ExportLong, JSONFlag, SinceFlag, UntilFlag, DeviceFlag, TypeFlag, ChainFlag, OutputFlag,
	BadTime, BadChain, Line, Urgent, Ordinary, Ended,
	FileGood, FileState, FileBad, Problem, Missing, AllGood, Bad, Verifying, Exporting, Exported Text
}{
	Tail:       Text{"持续显示新事件", "show new events as they come"},
	Verify:     Text{"检查日志的每个文件：结构、校验和、序号", "check every file of the journal: structure, checksums, sequence"},
	Export:     Text{"导出日志中的事件", "write out events of the journal"},
	ExportLong: Text{"导出日志中的事件，可按时间、设备、类型选取。导出的内容可能涉及个人，请妥善保管。", "Write out events of the journal, chosen by time, device or type. They may concern people: keep them safe."},
	JSONFlag:   Text{"每行一个 JSON 对象", "a JSON object a line"},
	SinceFlag:  Text{"从何时起，例如 24h、7d、2026-03-01 或 \"2026-03-01 08:00\"", "from when on, for instance 24h, 7d, 2026-03-01 or \"2026-03-01 08:00\""},
	UntilFlag:  Text{"到何时为止，写法同上", "until when, in the same way"},
	DeviceFlag: Text{"只要这些设备的编号（可多次给出）", "only these devices, by ID (may be repeated)"},
	TypeFlag:   Text{"只要这些类型，例如 parcel.deposited（可多次给出）", "only these types, for instance parcel.deposited (may be repeated)"},
	ChainFlag:  Text{"只要 urgent（紧急）或 ordinary（普通）", "only urgent or ordinary"},
	OutputFlag: Text{"写入`文件`，而不是终端", "write to `FILE` instead of the terminal"},
	BadTime:    Text{"--%s：要写成 24h、7d、2026-03-01 或 \"2026-03-01 08:00\"（得到 %q）", "--%s: must be 24h, 7d, 2026-03-01 or \"2026-03-01 08:00\" (got %q)"},
	BadChain:   Text{"--chain：只能是 urgent 或 ordinary（得到 %q）", "--chain: must be urgent or ordinary (got %q)"},
	Line:       Text{"%s  %s  %s  %s：%s", "%s  %s  %s  %s: %s"},
	Urgent:     Text{"紧急", "urgent"},
	Ordinary:   Text{"普通", "ordinary"},
	Ended:      Text{"网关在送完之前断开了", "the gateway hung up before it had sent everything"},
	FileGood:   Text{"完好 %s：%d 个事件（%d–%d）", "good    %s: %d events (%d–%d)"},
	FileState:  Text{"完好 %s", "good    %s"},
	FileBad:    Text{"损坏 %s：%d 处", "damaged %s: %d faults"},
	Problem:    Text{"     %s", "        %s"},
	Missing:    Text{"缺失 %s：序号 %d 至 %d", "missing %s: numbers %d to %d"},
	AllGood:    Text{"%d 个文件、%d 个事件，全部完好。", "%d files, %d events: all good."},
	Bad:        Text{"%d 个文件中有 %d 个损坏，%d 段缺失。网关会跳过损坏的部分继续工作", "of %d files %d are damaged, %d ranges are missing. The gateway skips what is damaged and goes on"},
	Verifying:  Text{"检查", "verifying"},
	Exporting:  Text{"导出", "export"},
	Exported:   Text{"已导出 %d 个事件到 %s。", "%d events written to %s."},
}
